import type { KeyLimits } from "@avatar/contract/key-types";
import { eq, isNotNull } from "drizzle-orm";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { jobs, runs, uploads, usageDays } from "../src/db/schema/schema.ts";
import { newId } from "../src/ids.ts";
import { createAdmissionRepository } from "../src/jobs/admission-repository.ts";
import { throughBothDoors } from "./support/doors.ts";
import { PORTRAIT, SPEECH, uploadFixtures } from "./support/fixtures.ts";
import { outcomesOf, untilStatus } from "./support/queue.ts";
import { keyIdOf } from "./support/request-windows.ts";
import { createRest, type Rest } from "./support/rest.ts";
import { insertJob, insertKey, OWNER } from "./support/rows.ts";
import type { Script } from "./support/scripted-engine.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";

/** What a job of three seconds is reckoned with before any has been rendered, and its price. */
const GPU_SECONDS = 175 + 3 * 30;
const PRICE = 0.001;
const USD = GPU_SECONDS * PRICE;
const DAY_MS = 24 * 3_600_000;
/** Ends a job without a change of what the next ones are reckoned with. */
const refusal = { fail: "no_face" } as const;

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({
    gpuPricePerSecond: PRICE,
    config: { maxRunsInFlight: 50 },
    dispatcher: { maxFailedRuns: 1, leaseMs: 60_000 },
  });
});
/** Holds runs until the test is over. */
let held = Promise.withResolvers<void>();
afterEach(async () => {
  held.resolve();
  held = Promise.withResolvers();
  // The next test's scripts are for its own jobs.
  await until("all jobs are over", async () => (await api.db.$count(jobs, isNotNull(jobs.deadlineAt))) === 0);
  api.engine.scripts = [];
  api.engine.usageOf = undefined;
});
afterAll(() => api.stop());

async function aKey(limits: KeyLimits) {
  const key = await insertKey(api, OWNER, { limits });
  const rest = createRest(api.url, key);
  return { key, rest, id: await keyIdOf(api.db, key), headers: { authorization: `Bearer ${key}` } };
}

const create = async (rest: Rest) => rest("POST", "/v1/jobs", await uploadFixtures(rest));

/** A job that is rendered as the script says and is billed for so many seconds. */
async function aRun(rest: Rest, billedSeconds: number, script: Script = "succeed") {
  api.engine.scripts.push(script);
  api.engine.usageOf = () => {
    api.engine.usageOf = undefined; // What a video has cost would change what the next ones are reckoned with.
    return { billedSeconds, pricePerSecond: PRICE };
  };
  const { status, body } = await create(rest);
  expect(status, JSON.stringify(body)).toBe(202);
  return body.id as string;
}

const nowOfApi = () => new Date(Date.now() + api.database.clock.aheadMs);
const startOfDay = (days: number) => {
  const now = nowOfApi();
  return Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate() + days);
};
/** To shortly after the beginning of another day. */
const advanceTo = (startMs: number) => api.advance(startMs - nowOfApi().getTime() + 60_000);

test("jobs.create answers gpu_quota_exceeded alike through both doors, and tells what is left until when", async () => {
  const { rest, headers } = await aKey({ gpuSecondsPerDay: 300 });
  api.engine.scripts.push({ hold: held.promise });
  expect((await create(rest)).status).toBe(202);
  const input = await uploadFixtures(rest);

  const { status, body } = await throughBothDoors(api, "jobs.create", { input, headers });

  const resetsAt = new Date(startOfDay(1)).toISOString();
  expect([status, body.code]).toEqual([429, "gpu_quota_exceeded"]);
  expect(body.limit).toEqual({
    of: "key",
    name: "gpuSecondsPerDay",
    max: 300,
    left: 300 - GPU_SECONDS,
    resetsAt,
  });
  expect(body.detail).toBe(
    `The job may take 265 GPU seconds; the key has 35 of 300 left for the day, until ${resetsAt}.`,
  );
});

test.each([
  ["usdPerDay", "day"],
  ["usdPerMonth", "month"],
] as const)("jobs.create answers budget_exhausted alike through both doors: %s", async (name, span) => {
  const { rest, headers } = await aKey({ [name]: 0.5 });
  api.engine.scripts.push({ hold: held.promise });
  expect((await create(rest)).status).toBe(202);
  const input = await uploadFixtures(rest);

  const { status, body, ...answer } = await throughBothDoors(api, "jobs.create", { input, headers });

  expect([status, body.code]).toEqual([402, "budget_exhausted"]);
  expect(body.limit).toMatchObject({ of: "key", name, max: 0.5, left: 0.235 });
  expect(body.detail).toBe(
    `The job may cost $0.265; the key has $0.235 of $0.50 left for the ${span}, until ${body.limit.resetsAt}.`,
  );
  expect(answer.headers.get("retry-after"), "when the other job may be over").toBe("5");
});

test("what is spent is back when the day is over, as Retry-After says", async () => {
  const limits = [{ gpuSecondsPerDay: 300 }, { usdPerDay: 0.3 }];
  for (const { rest } of await Promise.all(limits.map(aKey))) {
    await untilStatus(api.db, await aRun(rest, 100, refusal), "failed");
    const { headers, body } = await create(rest);
    const leftMs = new Date(body.limit.resetsAt).getTime() - nowOfApi().getTime();
    expect(body.limit.resetsAt).toBe(new Date(startOfDay(1)).toISOString());
    expect(Math.abs(Number(headers.get("retry-after")) - leftMs / 1000)).toBeLessThan(60);
  }
});

test("a budget that is $0 lets nothing through that costs, and test keys render for free", async () => {
  const { rest } = await aKey({ usdPerDay: 0 });
  expect((await create(rest)).body.code).toBe("budget_exhausted");
  const testKey = await insertKey(api, OWNER, {
    mode: "test",
    limits: { usdPerDay: 0, gpuSecondsPerDay: 0 },
  });
  const { status, body } = await create(createRest(api.url, testKey));
  expect(status).toBe(202);
  await untilStatus(api.db, body.id, "succeeded");
});

test("a budget is spent to its last cent, whatever sums of fractions come to", async () => {
  const { rest } = await aKey({ usdPerDay: 6 * USD });
  api.engine.scripts = Array.from({ length: 6 }, () => ({ hold: held.promise }));
  for (let i = 0; i < 6; i++) expect((await create(rest)).status).toBe(202);
  const { body } = await create(rest);
  expect(body.limit).toMatchObject({ max: 6 * USD, left: 0 });
});

test("a place is free once a job is canceled or over, and what it was reckoned with is free but for what it took", async () => {
  const { rest } = await aKey({ jobsInFlight: 1, gpuSecondsPerDay: GPU_SECONDS + 100 });
  const canceled = await aRun(rest, 0, { hold: held.promise });
  expect((await create(rest)).body.code).toBe("too_many_jobs");
  await untilStatus(api.db, canceled, "running");
  await rest("POST", `/v1/jobs/${canceled}/cancel`);
  await until("its run has ended", async () => (await outcomesOf(api.db, canceled))[0] === "abandoned");

  await untilStatus(api.db, await aRun(rest, 0), "succeeded");
  await untilStatus(api.db, await aRun(rest, 40, refusal), "failed");
  await untilStatus(api.db, await aRun(rest, 61, refusal), "failed");
  expect((await create(rest)).body).toMatchObject({ code: "gpu_quota_exceeded", limit: { left: 264 } });
});

test("what a canceled job was reckoned with is kept until its run has ended and is billed", async () => {
  const { rest, id: keyId } = await aKey({ usdPerDay: 1.5 * USD });
  const { heldByAll } = createAdmissionRepository(api.db);
  const before = await heldByAll();
  const canceled = { status: "canceled" as const, keyId, deadlineAt: null };
  const { id: jobId } = await insertJob(api, {
    ...canceled,
    estimatedGpuSeconds: 265,
    estimatedCostUsd: USD,
  });
  const leaseUntil = new Date(Date.now() + DAY_MS);
  const run = { id: newId("run"), jobId, engine: "scripted", leaseOwner: "another", leaseUntil };
  await api.db.insert(runs).values({ ...run, startedAt: new Date() });

  expect((await create(rest)).body).toMatchObject({ code: "budget_exhausted", limit: { left: 0.1325 } });
  const during = await heldByAll();
  expect(during.usd - before.usd).toBeCloseTo(USD);
  expect([during.inFlight, during.gpuSeconds]).toEqual([before.inFlight, before.gpuSeconds + 265]);

  await api.db.update(runs).set({ outcome: "abandoned" }).where(eq(runs.id, run.id));
  expect((await create(rest)).status).toBe(202);
});

test("GPU seconds of a job that failed by our fault are given back, those of one that failed by its input are not", async () => {
  const limits = { gpuSecondsPerDay: 1000, usdPerDay: 10 };
  const ours = await aKey(limits);
  const theirs = await aKey(limits);
  await untilStatus(api.db, await aRun(ours.rest, 900, { fail: "render_failed" }), "failed");
  await untilStatus(api.db, await aRun(theirs.rest, 900, refusal), "failed");
  expect((await create(theirs.rest)).body).toMatchObject({
    code: "gpu_quota_exceeded",
    limit: { left: 100 },
  });

  const rows = await api.db.select().from(usageDays);
  const of = (id: string) => rows.find(({ keyId }) => keyId === id);
  expect(of(ours.id)).toMatchObject({ failed: 1, gpuSeconds: 900, forgivenGpuSeconds: 900, costUsd: 0.9 });
  expect(of(theirs.id)).toMatchObject({ failed: 1, gpuSeconds: 900, forgivenGpuSeconds: 0 });
  expect((await create(ours.rest)).status).toBe(202);
});

test.each(["gpuSecondsPerDay", "usdPerDay", "usdPerMonth"] as const)(
  "a child key, which is for a browser, is not told what is left of its parent's %s",
  async (name) => {
    const parent = await aKey({ [name]: 0.12345 });
    const { body: child } = await parent.rest("POST", "/v1/child-keys", {});
    const { code, limit, detail } = (await create(createRest(api.url, child.key))).body;
    expect(code).toBe(name === "gpuSecondsPerDay" ? "gpu_quota_exceeded" : "budget_exhausted");
    expect(limit).toEqual({ of: "key", name, resetsAt: expect.any(String) });
    expect(detail.replace(limit.resetsAt, "")).not.toMatch(/\d/);
    expect((await create(parent.rest)).body.limit).toMatchObject({ max: 0.12345 });
  },
);

test("what a child key may take it may take in its whole life", async () => {
  const { rest } = await aKey({});
  const { body } = await rest("POST", "/v1/child-keys", { limits: { gpuSecondsPerDay: 300 } });
  const child = createRest(api.url, body.key);
  await untilStatus(api.db, await aRun(child, 100, refusal), "failed");
  const { limit, detail, retryAfterMs } = (await create(child)).body;
  expect(limit).toEqual({ of: "childKey", name: "gpuSecondsPerDay", max: 300, left: 200 });
  expect(detail).toBe("The job may take 265 GPU seconds; the child key has 200 of 300 left.");
  expect(retryAfterMs, "waiting does not help").toBeUndefined();
});

test("of a refused form nothing stays and nothing is counted", async () => {
  const { rest, id } = await aKey({ usdPerDay: 0.1 });
  const before = await Promise.all([api.db.$count(jobs), api.db.$count(uploads), api.database.objects()]);
  const form = new FormData();
  form.set("image", new File([new Uint8Array(PORTRAIT)], "me.png", { type: "image/png" }));
  form.set("audio", new File([new Uint8Array(SPEECH)], "me.wav", { type: "audio/wav" }));
  expect((await rest("POST", "/v1/jobs", form)).body.code).toBe("budget_exhausted");
  expect(await Promise.all([api.db.$count(jobs), api.db.$count(uploads), api.database.objects()])).toEqual(
    before,
  );
  expect(await api.db.$count(usageDays, eq(usageDays.keyId, id))).toBe(0);
});

// At last: the clock is not moved back.
test("quotas and budgets of a day begin anew at midnight in UTC, those of a month with the month", async () => {
  const day = await aKey({ gpuSecondsPerDay: 300, usdPerDay: 0.3 });
  const month = await aKey({ usdPerMonth: 0.3 });
  for (const { rest } of [day, month]) await untilStatus(api.db, await aRun(rest, 200, refusal), "failed");
  for (const { rest } of [day, month]) expect((await create(rest)).status).toBeGreaterThan(400);

  advanceTo(startOfDay(1));
  const isNewMonth = nowOfApi().getUTCDate() === 1;
  expect((await create(day.rest)).status).toBe(202);
  if (!isNewMonth) expect((await create(month.rest)).body.code).toBe("budget_exhausted");
  const now = nowOfApi();
  advanceTo(Date.UTC(now.getUTCFullYear(), now.getUTCMonth() + 1));
  expect((await create(month.rest)).status).toBe(202);
});
