import { execFileSync } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { errorsPage } from "../src/cli/errors-page.ts";
import { createOpenApiDocument } from "../src/docs/openapi.ts";
import { operations } from "../src/trpc/operations.ts";
import { createBreakableDatabase } from "./support/breakable-database.ts";
import { operationNamed, throughRest } from "./support/doors.ts";
import { FORM_TYPE, multipart } from "./support/multipart.ts";
import {
  commonRefusals,
  NEEDS_NO_DATABASE,
  NEEDS_ONLY_KEYS,
  OWN_REFUSALS,
  VALID_INPUT,
} from "./support/refusals.ts";
import type { RestAnswer } from "./support/rest.ts";
import { insertJob } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";

const database = createBreakableDatabase();
const startedAt = new Date();
let api: TestApi;
let document: ReturnType<typeof createOpenApiDocument>;
let ajv: Ajv2020;

beforeAll(async () => {
  // With a clock that stands still the key stays in the cache, so calls get as far as their procedure.
  const now = () => startedAt;
  api = await startTestApi({
    openDatabase: database.open,
    now,
    dispatcher: { maxRunsInFlight: 0 },
    gpuPricePerSecond: 0.001,
  });
  document = (await api.rest("GET", "/openapi.json")).body;
  ajv = new Ajv2020({ strict: false, allErrors: true });
  formats.default(ajv);
  ajv.addSchema(document, "openapi.json");
});
afterAll(() => api.stop());

/** Fails where the document does not say that `method path` may answer so. @returns the status */
function validate(method: string, path: string, { status, headers, body }: RestAnswer): string {
  const mediaType = headers.get("content-type")?.split(";")[0] ?? "";
  const place = ["paths", path, method.toLowerCase(), "responses", status, "content", mediaType, "schema"];
  const pointer = place.map((step) => String(step).replaceAll("~", "~0").replaceAll("/", "~1")).join("/");
  const isValid = ajv.validate({ $ref: `openapi.json#/${pointer}` }, body);
  expect(isValid || ajv.errorsText(), `${method} ${path}: ${JSON.stringify(body)}`).toBe(true);
  expect(headers.has("x-request-id")).toBe(true);
  return String(status);
}

const documented = (path: string, method: string) =>
  Object.keys(document.paths[path]?.[method.toLowerCase()]?.responses ?? {}).toSorted();

describe("the answers of the API are the documented ones, and all of these are given", () => {
  test.each(operations.map(({ name }) => name))("%s", async (name) => {
    const { method, path, errors } = operationNamed(name);
    const call = { input: await VALID_INPUT[name]?.(api) };
    const refusals = { ...commonRefusals(name), ...OWN_REFUSALS[name] };
    const answers = [
      await throughRest(api, name, call),
      await database.whileDown(() => throughRest(api, name, call)),
      await database.withoutTables(() => throughRest(api, name, call)),
    ];
    for (const code of errors) {
      const refusal = await refusals[code]?.(api);
      if (refusal) answers.push(await throughRest(api, name, refusal));
    }
    const statuses = answers.map((answer) => validate(method, path, answer));
    const ofDatabase = [
      ...(NEEDS_NO_DATABASE.includes(name) ? ["500", "503"] : []),
      ...(NEEDS_ONLY_KEYS.includes(name) ? ["500"] : []),
    ];
    expect([...new Set([...statuses, ...ofDatabase])].toSorted()).toEqual(documented(path, method));
  });

  test.each(["queued", "starting", "running", "succeeded", "failed", "canceled", "expired"] as const)(
    "a %s job",
    async (status) => {
      const { id } = await insertJob(api, { status, prompt: "Smile" });
      validate("GET", "/v1/jobs/{id}", await api.rest("GET", `/v1/jobs/${id}`));
      validate("GET", "/v1/jobs", await api.rest("GET", "/v1/jobs"));
    },
  );

  test.each([
    ["missing_part", multipart([])],
    ["malformed_multipart", multipart([], "")],
    ["empty_file", multipart([{ name: "image", content: "", fileName: "me.png" }])],
  ])("a form that is refused with %s", async (code, form) => {
    const answer = await api.rest("POST", "/v1/jobs", form, FORM_TYPE);
    expect(answer.body.code).toBe(code);
    validate("POST", "/v1/jobs", answer);
  });

  test("events", async () => {
    const path = "/v1/jobs/{id}/events";
    const of = (id: string, query = "") => api.rest("GET", path.replace("{id}", id) + query);
    const { id } = await insertJob(api, { status: "canceled" });
    const refusedWith = async (code: "insufficient_scope" | "rate_limited") =>
      (await commonRefusals("jobs.get")[code]?.(api))?.headers as Record<string, string>;
    const answers = [
      await of(id),
      await of(id, "?after=one"),
      await of(id, "?nope=1"),
      await of("job_none"),
      await api.rest("GET", path, undefined, { authorization: "" }),
      await api.rest("GET", path, undefined, await refusedWith("insufficient_scope")),
      await api.rest("GET", path, undefined, await refusedWith("rate_limited")),
      await database.whileDown(() => of(id)),
      await database.withoutTables(() => of(id)),
    ];
    const nothingMore = await of(id, "?after=1");
    expect(nothingMore.body).toBe("");
    const statuses = answers.map((answer) => validate("GET", path, answer));
    const all = new Set([...statuses, String(nothingMore.status)]);
    expect([...all].toSorted()).toEqual(documented(path, "GET"));
    const [, data = ""] = /^data: (.*)$/m.exec(answers[0]?.body) ?? [];
    expect(ajv.validate({ $ref: "openapi.json#/components/schemas/Job" }, JSON.parse(data))).toBe(true);
  });

  test.each(["/healthz", "/readyz"])("%s", async (path) => {
    const well = await api.rest("GET", path);
    const down = await database.whileDown(() =>
      until("it is answered without a database", async () => {
        const answer = await api.rest("GET", path);
        // It may have been ready within the last second.
        return (path !== "/readyz" || answer.status !== 200) && answer;
      }),
    );
    const statuses = [well, down].map((answer) => validate("GET", path, answer));
    expect([...new Set(statuses)]).toEqual(documented(path, "GET"));
  });
});

test("every operation is documented, and nothing else but events and health", () => {
  const served = operations.map(({ method, path }) => `${method} ${path}`);
  const found = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  );
  const others = ["GET /v1/jobs/{id}/events", "GET /healthz", "GET /readyz"];
  expect(found.toSorted()).toEqual([...served, ...others].toSorted());
});

test("the document names the public address", () => {
  expect(document.servers).toEqual([{ url: api.url }]);
});

test("the document passes the recommended rules of Redocly", async () => {
  const file = join(api.database.dataDir, "openapi.json");
  await writeFile(file, JSON.stringify(document));
  const bin = fileURLToPath(new URL("../node_modules/@redocly/cli/bin/cli.js", import.meta.url));
  const env = { ...process.env, REDOCLY_TELEMETRY: "off", REDOCLY_SUPPRESS_UPDATE_NOTICE: "true" };
  const command = [bin, "lint", "--extends=recommended", file];
  expect(() => execFileSync(process.execPath, command, { env, stdio: "pipe" })).not.toThrow();
});

const committed = (name: string) => readFile(new URL(`../../../docs/${name}`, import.meta.url), "utf8");

test("docs/openapi.json is current; else run docs:openapi", async () => {
  expect(JSON.parse(await committed("openapi.json"))).toEqual(
    JSON.parse(JSON.stringify(createOpenApiDocument("https://api.example.com"))),
  );
});

test("docs/errors.md is current; else run docs:errors", async () => {
  expect(await committed("errors.md")).toBe(errorsPage());
});
