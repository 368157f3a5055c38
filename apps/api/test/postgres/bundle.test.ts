import { execFileSync, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
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
    const { rest, url, terminate } = await startChildApi({
      database,
      env,
      main: fileOf("../../dist/main.js"),
    });
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

test.each(["main", "migrate", "keys"])(
  "%s of the bundle lists every mistake in the configuration and begins nothing",
  (name) => {
    const DATA_DIR = join(tmpdir(), `avatar-never-made-${process.pid}`);
    const env = { PATH: process.env.PATH, DATA_DIR, HOST: "0.0.0.0", PORT: "http", R2_BUCKET: "b" };
    const args = [fileOf(`../../dist/${name}.js`), ...(name === "keys" ? ["list"] : [])];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { env, encoding: "utf8" });
    expect([status, stdout]).toEqual([2, ""]);
    const named = [...stderr.matchAll(/^ {2}(\w+): .*for example/gm)].map(([, variable]) => variable);
    expect(named).toEqual([
      "PORT",
      "PUBLIC_BASE_URL",
      "R2_ENDPOINT",
      "R2_ACCESS_KEY_ID",
      "R2_SECRET_ACCESS_KEY",
    ]);
    expect(stderr.trim().split("\n")).toHaveLength(named.length + 1);
    expect(existsSync(DATA_DIR)).toBe(false);
  },
);
