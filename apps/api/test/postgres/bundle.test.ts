import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { beforeAll, expect, onTestFinished, test } from "vitest";
import { startChildApi } from "../support/child-api.ts";
import { uploadFixtures } from "../support/fixtures.ts";
import { startOtlpCollector } from "../support/otlp-collector.ts";
import { createTestDatabase } from "../support/test-database.ts";

const fileOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));
beforeAll(() => {
  execFileSync(process.execPath, [fileOf("../../build.ts")]);
});

const DATABASES = { PGlite: { DATABASE_URL: "" }, Postgres: {} };

test.each(Object.entries(DATABASES))(
  "the bundle renders a video, and traces it, with %s",
  async (_name, own) => {
    const { endpoint, spans } = await startOtlpCollector();
    const env = { ...own, OTEL_EXPORTER_OTLP_ENDPOINT: endpoint };
    const database = await createTestDatabase("postgres", "disk");
    onTestFinished(database.remove);
    const { rest, url, terminate } = await startChildApi({ database, env, main: fileOf("../../dist/main.js") });
    const input = { ...(await uploadFixtures(rest)), aspect: "16:9" };
    const { status, body } = await rest("POST", "/v1/jobs", input);
    expect([status, body.code]).toEqual([202, undefined]);
    let job = body;
    while (["queued", "starting", "running"].includes(job.status))
      ({ body: job } = await rest("GET", `/v1/jobs/${job.id}?wait=30&after=${job.version}`));
    expect(job).toMatchObject({ status: "succeeded", video: { width: 1280, height: 720 } });
    const script = await fetch(new URL("/docs/try-it.js", url));
    expect([script.status, await script.text()]).toEqual([200, expect.stringContaining("requestOf")]);
    expect((await terminate()).code).toBe(0);
    expect(spans.map(({ name }) => name)).toEqual(expect.arrayContaining(["POST /v1/jobs", "run"]));
  },
);
