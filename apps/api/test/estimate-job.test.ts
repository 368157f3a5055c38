import { afterAll, beforeAll, expect, test } from "vitest";
import { jobs, runs, uploads, usageDays } from "../src/db/schema/schema.ts";
import { aPng, aWav } from "./media/media-files.ts";
import { throughBothDoors } from "./support/doors.ts";
import { aJobInput } from "./support/refusals.ts";
import { insertJob, insertKey, OWNER } from "./support/rows.ts";
import { createScriptedEngine, SCRIPTED_PRICE } from "./support/scripted-engine.ts";
import { startTestApi, type TestApi, type TestApiOptions } from "./support/test-api.ts";

const HOUR_MS = 3_600_000;
/** What a job of one second is reckoned with before there is any experience. */
const PRIOR = { gpuSeconds: 205, usd: 2.05 };

/** As RunPod is: it costs money, and without work there is no worker. */
const ON_GPU: TestApiOptions = {
  gpuPricePerSecond: SCRIPTED_PRICE,
  createEngine: (store) => ({ ...createScriptedEngine(store), isRemote: true }),
  dispatcher: { maxRunsInFlight: 0 },
};

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({
    ...ON_GPU,
    config: { budget: { usdPerDay: 2.1, usdPerMonth: undefined, warnShares: [] } },
  });
});
afterAll(() => api.stop());

const estimate = async (input: object, headers = {}) =>
  (await throughBothDoors(api, "jobs.estimate", { input, headers })).body;
const withKey = async (row: Parameters<typeof insertKey>[2] = {}, owner = OWNER) => ({
  authorization: `Bearer ${await insertKey(api, owner, row)}`,
});
/** All that an estimate may not change. */
const counts = () => Promise.all([jobs, runs, uploads, usageDays].map((table) => api.db.$count(table)));

test("an estimate tells what a job would take, and makes none", async () => {
  const input = await aJobInput(api);
  const before = [await counts(), await api.database.objects()];
  expect(await estimate({ ...input, metadata: { a: "b" }, seed: 1 })).toEqual({
    audioSeconds: 1,
    cost: PRIOR,
    position: 1,
    cold: true,
    warnings: [],
  });
  expect([await counts(), await api.database.objects()]).toEqual(before);
});

test("what a job would be refused for, an estimate is", async () => {
  const metadata = JSON.parse('{ "__proto__": "x" }');
  const body = await estimate({ ...(await aJobInput(api)), metadata });
  expect(body).toMatchObject({ code: "invalid_input", issues: [{ path: "metadata.__proto__" }] });
});

test("the job that is made afterwards has what was estimated kept for it", async () => {
  const input = await aJobInput(api);
  const headers = await withKey({ limits: { usdPerDay: 2.06, gpuSecondsPerDay: 1000 } });
  expect(await estimate(input, headers)).not.toHaveProperty("refusal");
  const { body } = await api.rest("POST", "/v1/jobs", input, headers);
  expect(body.status).toBe("queued");
  // Both of its budgets have nothing left now; the one of its key is told, as a job would hear it.
  const after = await estimate(input, headers);
  const { status, body: refused } = await api.rest("POST", "/v1/jobs", input, headers);
  expect([status, refused.code]).toEqual([402, "budget_exhausted"]);
  expect(after.refusal).toEqual({
    code: "budget_exhausted",
    detail: refused.detail,
    limit: refused.limit,
  });
  expect(refused.limit).toMatchObject({ of: "key", name: "usdPerDay", max: 2.06 });
  // Of the service's budget another key hears less.
  const other = await estimate(input, await withKey());
  expect(other.refusal).toMatchObject({
    code: "budget_exhausted",
    limit: { of: "service", name: "usdPerDay" },
  });
  expect(other.refusal.limit).not.toHaveProperty("left");
  await api.rest("POST", `/v1/jobs/${body.id}/cancel`);
  expect(await estimate(input, headers)).not.toHaveProperty("refusal");
});

test.each([
  ["too_many_jobs", { jobsInFlight: 1 }],
  ["queue_full", { jobsQueued: 1 }],
  ["gpu_quota_exceeded", { gpuSecondsPerDay: 300 }],
])("%s is foreseen where one job of the key is waiting", async (code, limits) => {
  const headers = await withKey({ limits });
  const input = await aJobInput(api);
  expect(await estimate(input, headers)).not.toHaveProperty("refusal");
  const { body } = await api.rest("POST", "/v1/jobs", input, headers);
  expect((await estimate(input, headers)).refusal).toMatchObject({ code, limit: { of: "key" } });
  expect((await api.rest("POST", "/v1/jobs", input, headers)).body.code).toBe(code);
  await api.rest("POST", `/v1/jobs/${body.id}/cancel`);
});

test("the limit of a child key counts beside that of its parent", async () => {
  const { body: child } = await api.rest("POST", "/v1/child-keys", { limits: { gpuSecondsPerDay: 204 } });
  const { refusal } = await estimate(await aJobInput(api), { authorization: `Bearer ${child.key}` });
  expect(refusal).toMatchObject({
    code: "gpu_quota_exceeded",
    limit: { of: "childKey", max: 204, left: 204 },
  });
});

test("of a test key nothing is cold, and nothing costs anything", async () => {
  const headers = await withKey({ mode: "test", limits: { usdPerDay: 0, gpuSecondsPerDay: 0 } });
  const input = { ...(await aJobInput(api)), test: { failWith: "no_face", queueSeconds: 10 } };
  expect(await estimate(input, headers)).toMatchObject({ cost: { gpuSeconds: 0, usd: 0 }, cold: false });
});

test("after the first jobs, cost and time are told by them, and no worker is cold while one runs", async () => {
  const time = new Date();
  const at = (seconds: number) => new Date(time.getTime() - HOUR_MS + seconds * 1000);
  const busy = await startTestApi({
    ...ON_GPU,
    now: () => time,
    config: { queueTimeoutMs: 79_000 },
  });
  // 30 s to start, 40 s for two seconds of speech, and 50 s billed beside that. One second may take as long.
  const seen = { createdAt: at(0), startedAt: at(0), runningAt: at(30), finishedAt: at(70) };
  await insertJob(busy, { ...seen, status: "succeeded", audioSeconds: 2, billedSeconds: 90 });
  const begun = { startedAt: time, runningAt: time, deadlineAt: new Date(time.getTime() + HOUR_MS) };
  await insertJob(busy, { ...begun, owner: "owner_other", status: "running", audioSeconds: 4, progress: 0 });
  const { body } = await throughBothDoors(busy, "jobs.estimate", { input: await aJobInput(busy) });
  expect(body).toEqual({
    audioSeconds: 1,
    cost: { gpuSeconds: 50 + 40, usd: 0.9 },
    position: 1,
    etaSeconds: 80 + 30 + 20,
    cold: false,
    warnings: [
      {
        code: "wait_too_long",
        message: "Jobs that have waited 79 s fail with queue_timeout; this one may wait 80 s.",
      },
    ],
  });
  await busy.stop();
});

test("what is wrong with a good job's files is only warned of", async () => {
  const input = {
    image: await api.upload("image/png", aPng({ width: 300, height: 900 })),
    audio: await api.upload("audio/wav", aWav()),
  };
  const { warnings } = await estimate({ ...input, aspect: "16:9" });
  expect(warnings.map(({ code }: { code: string }) => code)).toEqual(["image_small", "crop_loses_most"]);
});

test("a longer life than the operator's is refused, as by a job", async () => {
  const input = { ...(await aJobInput(api)), ttlSeconds: 21_601 };
  const { body } = await throughBothDoors(api, "jobs.estimate", { input });
  expect(body).toMatchObject({ code: "invalid_input", issues: [{ path: "ttlSeconds" }] });
});

test("a form is not taken", async () => {
  const form = new FormData();
  form.set("image", new Blob([aPng()], { type: "image/png" }), "a.png");
  expect((await api.rest("POST", "/v1/estimate", form)).body.code).toBe("unsupported_content_type");
});
