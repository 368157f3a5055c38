import { fileURLToPath } from "node:url";
import { onTestFinished, test } from "vitest";
import { startChildApi } from "../support/child-api.ts";
import { uploadFixtures } from "../support/fixtures.ts";
import { SEED } from "../support/seeded-random.ts";
import { TEST_KEY } from "../support/test-api.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { installPython, run } from "./programs.ts";

const CONFIG = fileURLToPath(new URL("schemathesis.toml", import.meta.url));

test("what schemathesis makes of the OpenAPI document finds every answer as the document says", {
  timeout: 20 * 60_000,
}, async () => {
  const programs = await installPython("schemathesis==4.32.5");
  const database = await createTestDatabase("postgres", "disk");
  onTestFinished(database.remove);
  const { url, rest } = await startChildApi({ database });
  const { body: job } = await rest("POST", "/v1/jobs", await uploadFixtures(rest));
  const { body: key } = await rest("POST", "/v1/keys", { owner: "acme", name: "to be fuzzed" });
  const checks = [
    "--checks",
    "all",
    "--exclude-checks",
    "use_after_free",
    "--phases",
    "examples,coverage,fuzzing,stateful",
  ];
  const output = await run(
    `${programs}/st`,
    [
      ...["--config-file", CONFIG, "run", `${url}/openapi.json`, ...checks],
      ...["--max-examples", "150", "--seed", String(SEED), "--header", `Authorization: Bearer ${TEST_KEY}`],
    ],
    { JOB_ID: job.id, KEY_ID: key.id },
  );
  console.log(output.slice(output.lastIndexOf("SUMMARY")));
});
