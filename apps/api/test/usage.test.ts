import { LIMITS } from "@avatar/contract/limits";
import { sql } from "drizzle-orm";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { usageDays } from "../src/db/schema/schema.ts";
import { aPng, aWav } from "./media/media-files.ts";
import { throughBothDoors } from "./support/doors.ts";
import { sweep } from "./support/leftovers.ts";
import { outcomesOf, untilStatus } from "./support/queue.ts";
import { createRest, uploadFile } from "./support/rest.ts";
import { insertKey } from "./support/rows.ts";
import { SCRIPTED_PRICE } from "./support/scripted-engine.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { createTestDatabase } from "./support/test-database.ts";
import { until } from "./support/until.ts";

const DAY_MS = 86_400_000;
const START = new Date("2026-03-30T12:00:00Z");
const never = new Promise<void>(() => {});

let api: TestApi;
beforeEach(async () => {
  const database = await createTestDatabase();
  database.clock.aheadMs = START.getTime() - Date.now();
  onTestFinished(database.remove);
  const dispatcher = { runTimeoutMs: () => 2 * DAY_MS };
  api = await startTestApi({ database, gpuPricePerSecond: SCRIPTED_PRICE, dispatcher });
});
afterEach(() => api.stop());

const usage = async (input: object = {}, headers = {}) =>
  (await throughBothDoors(api, "usage.get", { input, headers })).body;
const bearer = (key: string) => ({ authorization: `Bearer ${key}` });

async function createJob(key = api.apiKey): Promise<string> {
  const { status, body } = await tryJob(key);
  expect(status).toBe(202);
  return body.id;
}

async function tryJob(key: string) {
  const rest = createRest(api.url, key);
  const upload = (type: string, file: Buffer) => uploadFile(rest, type, file);
  const input = { image: await upload("image/png", aPng()), audio: await upload("audio/wav", aWav()) };
  return rest("POST", "/v1/jobs", input);
}

const insertDay = (row: Partial<typeof usageDays.$inferInsert> & { day: string; keyId: string }) =>
  api.db.insert(usageDays).values({ owner: "owner_default", mode: "live", jobs: 1, ...row });

const NOTHING = { jobs: 0, succeeded: 0, failed: 0, canceled: 0, videoSeconds: 0, gpuSeconds: 0, costUsd: 0 };

test("a key that did nothing has used nothing, this month to date", async () => {
  expect(await usage()).toEqual({
    from: "2026-03-01",
    to: "2026-03-30",
    totals: NOTHING,
    days: [],
    limits: [],
  });
});

test("each thing counts on the day that it happens, for the key that the job is of", async () => {
  const key = await insertKey(api, "owner_days", { id: "key_days" });
  const headers = bearer(key);
  const release = Promise.withResolvers<void>();
  api.engine.scripts = [
    { bill: 7, and: { hold: release.promise } },
    { bill: 3, and: { fail: "no_face" } },
  ];
  const held = await createJob(key);
  await untilStatus(api.db, held, "running");
  await untilStatus(api.db, await createJob(key), "failed");
  api.advance(DAY_MS);
  release.resolve();
  await untilStatus(api.db, held, "succeeded");

  const about = { owner: "owner_days", keyId: "key_days" };
  const first = { ...NOTHING, jobs: 2, failed: 1, gpuSeconds: 3, costUsd: 0.03 };
  const second = { ...NOTHING, succeeded: 1, videoSeconds: 1, gpuSeconds: 7, costUsd: 0.07 };
  const days = [
    { day: "2026-03-30", ...about, ...first },
    { day: "2026-03-31", ...about, ...second },
  ];
  const totals = {
    jobs: 2,
    succeeded: 1,
    failed: 1,
    canceled: 0,
    videoSeconds: 1,
    gpuSeconds: 10,
    costUsd: 0.1,
  };
  expect(await usage({}, headers)).toMatchObject({ totals, days });
  expect((await usage({ from: "2026-03-31" }, headers)).days).toEqual(days.slice(1));
  expect((await usage({ to: "2026-03-30" }, headers)).days).toEqual(days.slice(0, 1));
  expect((await usage({ from: "2026-04-01", to: "2026-04-30" }, headers)).days).toEqual([]);
});

test("what is canceled may still be billed, and counts once", async () => {
  api.engine.scripts = [{ bill: 9, and: { hold: never } }];
  const id = await createJob();
  await untilStatus(api.db, id, "running");
  await api.rest("POST", `/v1/jobs/${id}/cancel`);
  await api.rest("POST", `/v1/jobs/${id}/cancel`);
  await until("its run has ended", async () => (await outcomesOf(api.db, id))[0] === "abandoned");
  expect((await usage()).totals).toEqual({ ...NOTHING, jobs: 1, canceled: 1, gpuSeconds: 9, costUsd: 0.09 });
});

test("usage stays when jobs are deleted, by their owner and by time", async () => {
  api.engine.scripts = [
    { bill: 5, and: "succeed" },
    { bill: 2, and: { fail: "no_face" } },
  ];
  const id = await createJob();
  await untilStatus(api.db, id, "succeeded");
  await untilStatus(api.db, await createJob(), "failed");
  const before = await usage();
  expect(before.totals).toMatchObject({ jobs: 2, succeeded: 1, failed: 1, gpuSeconds: 7 });
  await api.rest("DELETE", `/v1/jobs/${id}`);
  expect(await usage()).toEqual(before);
  for (const day of [91, 92]) await sweep(api.db, api.database, new Date(START.getTime() + day * DAY_MS));
  expect((await api.rest("GET", "/v1/jobs")).body.items).toEqual([]);
  expect(await usage()).toEqual(before);
});

test("keys of an owner see each other's usage by key; other owners and the other mode see none of it", async () => {
  const [a, b] = [await insertKey(api, "owner_a", { id: "key_a1" }), await insertKey(api, "owner_b")];
  const tests = await insertKey(api, "owner_a", { id: "key_a3", mode: "test" });
  const day = "2026-03-02";
  await insertDay({ day, keyId: "key_a1", owner: "owner_a" });
  await insertDay({ day, keyId: "key_a2", owner: "owner_a" });
  await insertDay({ day, keyId: "key_a3", owner: "owner_a", mode: "test" });
  const keysSeen = async (key: string) =>
    (await usage({}, bearer(key))).days.map(({ keyId }: { keyId: string }) => keyId);
  expect(await keysSeen(a)).toEqual(["key_a1", "key_a2"]);
  expect(await keysSeen(tests)).toEqual(["key_a3"]);
  expect(await keysSeen(b)).toEqual([]);
});

test("only admin keys ask for other owners, or for all", async () => {
  const day = "2026-03-02";
  await insertDay({ day, keyId: "key_a", owner: "owner_a", costUsd: 0.1 });
  await insertDay({ day, keyId: "key_b", owner: "owner_b", costUsd: 0.2 });
  const { days } = await usage({ owner: "owner_b" });
  expect(days).toMatchObject([{ owner: "owner_b", keyId: "key_b" }]);
  const all = await usage({ owner: "*" });
  expect(all.days.map(({ owner }: { owner: string }) => owner)).toEqual(["owner_a", "owner_b"]);
  expect(all.totals, "without the dust of binary fractions").toMatchObject({ jobs: 2, costUsd: 0.3 });
  const headers = bearer(await insertKey(api, "owner_a"));
  for (const owner of ["owner_a", "owner_b", "*"])
    expect(await usage({ owner }, headers)).toMatchObject({ code: "insufficient_scope" });
});

test("a child key sees no usage, and what it does counts for its parent", async () => {
  const parent = bearer(await insertKey(api, "owner_p", { id: "key_parent" }));
  const { body: child } = await api.rest("POST", "/v1/child-keys", {}, parent);
  await createJob(child.key);
  expect(await usage({}, bearer(child.key))).toMatchObject({ code: "insufficient_scope" });
  expect((await usage({}, parent)).days).toMatchObject([{ keyId: "key_parent", jobs: 1 }]);
});

test("what is left of each limit is what a job would be refused by", async () => {
  const limits = { jobsInFlight: 3, gpuSecondsPerDay: 1000, usdPerDay: 3, usdPerMonth: 9, jobsQueued: 5 };
  const key = await insertKey(api, "owner_l", { id: "key_left", limits });
  const headers = bearer(key);
  await insertDay({ day: "2026-03-01", keyId: "key_left", owner: "owner_l", gpuSeconds: 400, costUsd: 4 });
  await insertDay({
    ...{ day: "2026-03-30", keyId: "key_left", owner: "owner_l" },
    ...{ gpuSeconds: 90, forgivenGpuSeconds: 50, costUsd: 0.9 },
  });
  api.engine.scripts = [{ hold: never }];
  await untilStatus(api.db, await createJob(key), "running"); // 205 s and $2.05 are kept for it.
  const told = (await usage({}, headers)).limits;
  expect(told).toEqual([
    { name: "jobsInFlight", max: 3, left: 2 },
    { name: "jobsQueued", max: 5, left: 5 },
    { name: "gpuSecondsPerDay", max: 1000, left: 1000 - 40 - 205, resetsAt: "2026-03-31T00:00:00.000Z" },
    { name: "usdPerDay", max: 3, left: 0.05, resetsAt: "2026-03-31T00:00:00.000Z" },
    { name: "usdPerMonth", max: 9, left: 2.05, resetsAt: "2026-04-01T00:00:00.000Z" },
  ]);
  const { body } = await tryJob(key);
  expect(body.limit).toMatchObject({ name: "usdPerDay", max: 3 });
  expect(body.limit.left).toBeCloseTo(0.05, 6);
  expect(body.limit.resetsAt).toBe(told[3].resetsAt);
});

test.each([
  [{ from: "2026-03-31" }, "expected 2026-03-30 or earlier"],
  [{ from: "2026-03-02", to: "2026-03-01" }, "expected 2026-03-01 or earlier"],
  [{ from: "2025-03-29" }, "expected 366 days at most until 2026-03-30"],
  [{ from: "1999-12-31" }, "expected 2000-01-01 or later"],
  [{ from: "2026-02-30" }, undefined],
  [{ from: "2026-3-1" }, undefined],
])("the days cannot be %j", async (input, message) => {
  const body = await usage(input);
  expect(body).toMatchObject({ code: "invalid_input", issues: [{ path: "from" }] });
  if (message) expect(body.issues[0].message).toBe(message);
});

test("a year is taken, and a month that is asked for by its end", async () => {
  expect(await usage({ from: "2025-03-30" })).toMatchObject({ from: "2025-03-30", to: "2026-03-30" });
  expect(await usage({ to: "2026-02-14" })).toMatchObject({ from: "2026-02-01", to: "2026-02-14" });
});

test("of more rows than fit nothing is left out in silence", async () => {
  const { maxRows } = LIMITS.usage;
  await api.db.execute(sql`insert into usage_days (day, key_id, owner, mode)
    select '2026-03-02', 'key_' || n, 'owner_' || n, 'live' from generate_series(1, ${maxRows}::int) n`);
  expect((await usage({ owner: "*" })).days).toHaveLength(maxRows);
  await insertDay({ day: "2026-03-03", keyId: "key_more" });
  expect(await usage({ owner: "*" })).toMatchObject({ code: "invalid_input", issues: [{ path: "from" }] });
  expect((await usage({ owner: "*", from: "2026-03-03" })).days).toHaveLength(1);
});
