import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import postgres from "postgres";
import { expect, onTestFinished, test } from "vitest";
import { startChildApi } from "../support/child-api.ts";
import { startDebianPostgres } from "../support/debian-postgres.ts";
import { uploadFixtures } from "../support/fixtures.ts";
import { createRest, type Rest } from "../support/rest.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { until } from "../support/until.ts";

const run = promisify(execFile);
const scriptOf = (name: string) => fileURLToPath(new URL(`../../../../deploy/${name}`, import.meta.url));

async function untilStatus(rest: Rest, id: string, status: string) {
  return until(`${id} is ${status}`, async () => {
    const { body } = await rest("GET", `/v1/jobs/${id}`);
    return body.status === status && body;
  });
}

test("a backup of a server at work, restored elsewhere: keys, jobs and usage are there, and what was under way is done", async () => {
  const server = await startDebianPostgres();
  const stored = await createTestDatabase("postgres");
  onTestFinished(stored.remove);
  const folder = await mkdtemp(join(tmpdir(), "avatar-backup-"));
  onTestFinished(() => rm(folder, { recursive: true }));
  const file = join(folder, "avatar.dump");
  const PATH = `${server.bin}:${process.env.PATH}`;
  const of = (url: string) => ({ database: { ...stored, config: { url } }, env: { LOG_LEVEL: "silent" } });

  const before = await startChildApi({ ...of(server.url), child: { engine: "succeed" } });
  const { body: key } = await before.rest("POST", "/v1/keys", { owner: "owner_1", name: "mine" });
  const input = await uploadFixtures(before.rest);
  const create = (rest: Rest, order: string) =>
    rest("POST", "/v1/jobs", input, { "idempotency-key": order }).then(({ body }) => body.id as string);
  const done = await create(before.rest, "done");
  const doneJob = await untilStatus(before.rest, done, "succeeded");
  const { body: usage } = await before.rest("GET", "/v1/usage");
  await before.terminate();
  const working = await startChildApi({
    ...of(server.url),
    child: { engine: "hold", dispatcher: { maxRunsInFlight: 1 } },
  });
  const running = await create(working.rest, "running");
  await untilStatus(working.rest, running, "running");
  const queued = await create(working.rest, "queued");

  await run(scriptOf("backup.sh"), [file], { env: { PATH, DATABASE_URL: server.url } });
  await working.kill();

  const admin = postgres(server.url, { max: 1 });
  await admin.unsafe("create database restored");
  const url = new URL(server.url);
  url.pathname = "/restored";
  await run(scriptOf("restore.sh"), [file], { env: { PATH, DATABASE_URL: url.href } });
  await admin.end();

  const after = await startChildApi({ ...of(url.href), child: { engine: "succeed" } });
  const mine = createRest(after.url, key.key);
  expect((await mine("GET", "/v1/limits")).status).toBe(200);
  expect((await after.rest("GET", `/v1/jobs/${done}`)).body).toEqual(doneJob);
  for (const id of [running, queued]) await untilStatus(after.rest, id, "succeeded");
  expect(await create(after.rest, "done")).toBe(done);
  expect((await after.rest("GET", "/v1/usage")).body.totals.succeeded).toBe(usage.totals.succeeded + 2);

  const restored = postgres(url.href, { max: 1 });
  onTestFinished(() => restored.end());
  const runs = await restored`select job_id, outcome from runs order by started_at`;
  const outcomesOf = (id: string) => runs.filter((row) => row.job_id === id).map((row) => row.outcome);
  expect([done, running, queued].map(outcomesOf)).toEqual([
    ["succeeded"],
    ["lost", "succeeded"],
    ["succeeded"],
  ]);
}, 120_000);
