import { randomUUID } from "node:crypto";
import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { withChecksum } from "@avatar/contract/api-keys";
import postgres from "postgres";
import { beforeEach, expect, inject, onTestFinished, test } from "vitest";
import { aPng, aWav } from "./media/media-files.ts";
import { ChildExited, startChildApi } from "./support/child-api.ts";
import { FORM_TYPE, multipart } from "./support/multipart.ts";
import { freePort } from "./support/postgres-server.ts";
import { createRest, type Rest } from "./support/rest.ts";
import { createTestDatabase, type TestDatabase } from "./support/test-database.ts";

const KEY = withChecksum(`avk_live_${"C".repeat(34)}`);
const PASSWORD = "canary-database-password";
const SECRETS = {
  BOOTSTRAP_API_KEY: KEY,
  METRICS_TOKEN: "canary-metrics-token",
  RUNPOD_API_KEY: "canary-runpod-key",
};
const CRASH_ON_SIGNAL = new URL("./support/crash-on-signal.ts", import.meta.url).href;

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
  onTestFinished(() => database.remove());
});

const nowhere = async () => `127.0.0.1:${await freePort()}`;

function expectNoSecrets(output: string): void {
  expect(output.length).toBeGreaterThan(0);
  expect(output).not.toContain("canary");
  expect(output).not.toContain(KEY);
  expect(output).not.toContain(database.r2?.secretAccessKey ?? KEY);
  expect(output).not.toMatch(/(signature|token)=[0-9a-f]{8}/i);
}

test.each<[string, () => Promise<Record<string, string>>]>([
  [
    "a database that is not there",
    async () => ({ DATABASE_URL: `postgres://me:${PASSWORD}@${await nowhere()}/x` }),
  ],
  ["a configuration that is wrong", async () => ({ METRICS_TOKEN: "canary", R2_ENDPOINT: "canary" })],
  [
    "a folder that is none",
    async () => {
      const file = join(database.dataDir, "file");
      await writeFile(file, "");
      return { DATA_DIR: file };
    },
  ],
])("S7: a start that fails for %s tells no secrets", async (_what, env) => {
  const failed = await startChildApi({ database, env: { ...SECRETS, ...(await env()) } }).catch(
    (error: unknown) => error,
  );
  expect(failed).toBeInstanceOf(ChildExited);
  expectNoSecrets((failed as ChildExited).output);
});

/** On Postgres: a login with a password of its own, which can be taken away. Undefined on PGlite. */
async function createLogin() {
  if (!("url" in database.config)) return undefined;
  const role = `role_${randomUUID().replaceAll("-", "")}`;
  const sql = postgres(inject("postgresUrl"), { max: 1, onnotice: () => {} });
  await sql.unsafe(`create role ${role} superuser login password '${PASSWORD}'`);
  onTestFinished(async () => {
    await sql.unsafe(`alter role ${role} nosuperuser nologin`);
    await sql.end();
  });
  const url = new URL(database.config.url);
  url.username = role;
  url.password = PASSWORD;
  return {
    url: url.href,
    async take(): Promise<void> {
      await sql.unsafe(`alter role ${role} password 'another'`);
      await sql`select pg_terminate_backend(pid) from pg_stat_activity where usename = ${role}`;
    },
  };
}

/** What customers send, some of it in vain. */
async function useAll(rest: Rest): Promise<number[]> {
  const headers = { "idempotency-key": "canary-idempotency-key" };
  const form = multipart([
    { name: "image", content: aPng(), fileName: "canary.png", type: "image/png" },
    { name: "audio", content: aWav(), fileName: "canary.wav", type: "audio/wav" },
    { name: "prompt", content: "canary-prompt" },
    { name: "metadata", content: '{"order":"canary-metadata"}' },
  ]);
  const inputs = { image: "upload_none", audio: "https://me:canary@example.com/?canary", prompt: "canary" };
  const answers = [
    await rest("POST", "/v1/jobs", form, { ...FORM_TYPE, ...headers }),
    await rest("POST", "/v1/jobs", inputs, headers),
    await rest("POST", "/v1/uploads", { contentType: "image/png", bytes: 10, canary: 1 }),
    await rest("GET", "/v1/jobs?canary=1", undefined, { "x-api-key": "canary", authorization: "canary" }),
    await rest("POST", "/webhooks/runpod/a/b?token=canary"),
    await rest("GET", "/objects/uploads/a?signature=canary"),
    await rest("GET", "/metrics", undefined, { authorization: "Bearer canary" }),
  ];
  return answers.map(({ status }) => status);
}

test.each(["crashes", "is killed"])(
  "S7: a server whose database and files go away, and that %s, tells no secrets",
  async (end) => {
    const login = await createLogin();
    const api = await startChildApi({
      database,
      env: {
        ...SECRETS,
        ...(login && { DATABASE_URL: login.url }),
        ENGINE: "runpod",
        RUNPOD_ENDPOINT_ID: "ep1",
        RUNPOD_BASE_URL: `http://${await nowhere()}/v2`,
        LOG_LEVEL: "debug",
        NODE_OPTIONS: `--import=${CRASH_ON_SIGNAL}`,
      },
    });
    const rest = createRest(api.url, KEY);
    expect((await useAll(rest))[0]).toBe(202);
    await login?.take();
    await database.s3?.down();
    if (!login) await rm(join(database.dataDir, "incoming"), { recursive: true });
    expect((await useAll(rest))[0]).toBe(503);

    process.kill(api.pid, end === "crashes" ? "SIGUSR2" : "SIGKILL");
    const { code } = await api.exited;
    expect(api.output()).toMatch(/"level":"error"/);
    if (end === "crashes") {
      expect(code).toBe(1);
      expect(api.output()).toMatch(
        /^The server ends because of an error .*Failed query: insert into jobs values \(\$1\)$/m,
      );
    }
    expectNoSecrets(api.output());
  },
);
