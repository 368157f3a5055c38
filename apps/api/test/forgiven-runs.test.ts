import type { KeyLimits } from "@avatar/contract/key-types";
import { asc, eq } from "drizzle-orm";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { usageDays } from "../src/db/schema/schema.ts";
import { uploadFixtures } from "./support/fixtures.ts";
import { makeChild, makeKey } from "./support/keys.ts";
import { outcomesOf, untilEnded, untilStatus } from "./support/queue.ts";
import type { Rest } from "./support/rest.ts";
import { SCRIPTED_PRICE, type Script } from "./support/scripted-engine.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { createTestDatabase } from "./support/test-database.ts";
import { until } from "./support/until.ts";

const HOUR_MS = 3_600_000;
const START = new Date("2026-03-30T12:00:00Z");
const LIMITS = { gpuSecondsPerDay: 2000, usdPerDay: 20, usdPerMonth: 100 } satisfies KeyLimits;
const never = new Promise<void>(() => {});

/** A run that fails by our fault. */
const ours = (bill: number): Script => ({ bill, and: { fail: "render_failed" } });

let api: TestApi;
beforeEach(async () => {
  const database = await createTestDatabase();
  database.clock.aheadMs = START.getTime() - Date.now();
  onTestFinished(database.remove);
  api = await startTestApi({
    database,
    gpuPricePerSecond: SCRIPTED_PRICE,
    config: { budget: { usdPerDay: 50, usdPerMonth: undefined, warnShares: [] } },
    // Days pass within a job, and no run is late.
    dispatcher: { leaseMs: 60_000, maxFailedRuns: 3, queueTimeoutMs: 48 * HOUR_MS },
  });
});
afterEach(() => api.stop());

async function create(rest: Rest, ...scripts: Script[]): Promise<string> {
  api.engine.scripts.push(...scripts);
  const { status, body } = await rest("POST", "/v1/jobs", await uploadFixtures(rest));
  expect(status, JSON.stringify(body)).toBe(202);
  return body.id;
}

/** What counts for the key's quota and budgets, and what was billed. */
async function usedBy(rest: Rest) {
  const { limits, totals } = (await rest("GET", "/v1/usage")).body;
  const used = (limits as { name: string; max: number; left: number }[]).map(({ name, max, left }) => [
    name,
    Math.round((max - left) * 1e6) / 1e6,
  ]);
  return { ...Object.fromEntries(used), billed: totals.gpuSeconds, costUsd: totals.costUsd };
}

const counted = (gpuSeconds: number) => ({
  gpuSecondsPerDay: gpuSeconds,
  usdPerDay: gpuSeconds * SCRIPTED_PRICE,
  usdPerMonth: gpuSeconds * SCRIPTED_PRICE,
});

test("a run that fails by our fault counts for no key, though the job succeeds; the service has paid it", async () => {
  const { rest } = await makeKey(api, { limits: LIMITS });
  const id = await create(rest, ours(600), { bill: 5, and: "succeed" });
  await untilEnded(api, id, "succeeded");
  expect(await usedBy(rest)).toEqual({ ...counted(5), billed: 605, costUsd: 6.05 });
  expect(await api.metrics("avatar_budget_left_usd")).toContain(
    `avatar_budget_left_usd{span="day"} ${50 - 6.05}`,
  );
});

test("nor does it count where the customer cancels in the next run, which does", async () => {
  const { rest } = await makeKey(api, { limits: LIMITS });
  const id = await create(rest, ours(600), { bill: 7, and: { hold: never } });
  await until("the second run began", async () => {
    api.advance(1000);
    return api.engine.started.length === 2;
  });
  await untilStatus(api.db, id, "running");
  await rest("POST", `/v1/jobs/${id}/cancel`);
  await until("it has ended", async () => (await outcomesOf(api.db, id)).at(-1) === "abandoned");
  expect(await usedBy(rest)).toEqual({ ...counted(7), billed: 607, costUsd: 6.07 });
});

test("a job of which all runs fail by our fault costs its key no dollar", async () => {
  const { rest } = await makeKey(api, { limits: LIMITS });
  const id = await create(rest, ours(600), ours(600), ours(600));
  expect((await untilEnded(api, id, "failed")).costUsd).toBeCloseTo(18);
  expect(await usedBy(rest)).toEqual({ ...counted(0), billed: 1800, costUsd: 18 });
  await create(rest); // Which may cost $2.65; $2 would be left.
});

test("what a late run took after our deadline counts for no key", async () => {
  const { rest } = await makeKey(api, { limits: LIMITS });
  const id = await create(rest, { bill: 40, and: { hold: never } });
  await untilStatus(api.db, id, "running");
  api.advance(HOUR_MS);
  const { error } = await untilStatus(api.db, id, "failed");
  expect(error?.code).toBe("run_timeout");
  await until("its run has ended", async () => (await outcomesOf(api.db, id))[0] === "abandoned");
  expect(await usedBy(rest)).toEqual({ ...counted(0), billed: 40, costUsd: 0.4 });
});

test("each run is forgiven on the day that it was billed", async () => {
  const { rest, id: keyId } = await makeKey(api, { limits: LIMITS });
  const id = await create(rest, ours(1000), ours(90), ours(10));
  await until("the first run has failed", async () => (await outcomesOf(api.db, id))[0] === "failed");
  api.advance(12 * HOUR_MS);
  await untilEnded(api, id, "failed");
  await untilEnded(api, await create(rest, { bill: 30, and: { fail: "no_face" } }), "failed");

  const days = await api.db
    .select()
    .from(usageDays)
    .where(eq(usageDays.keyId, keyId))
    .orderBy(asc(usageDays.day));
  expect(days).toMatchObject([
    { day: "2026-03-30", gpuSeconds: 1000, forgivenGpuSeconds: 1000, forgivenUsd: 10 },
    { day: "2026-03-31", gpuSeconds: 130, forgivenGpuSeconds: 100, forgivenUsd: 1 },
  ]);
  expect(await usedBy(rest)).toMatchObject(counted(30));
});

test("of what a child key may take in its life, our failures take nothing", async () => {
  const parent = await makeKey(api);
  const child = await makeChild(api, parent, { limits: { gpuSecondsPerDay: 400 } });
  await untilEnded(
    api,
    await create(child.rest, ours(300), { bill: 200, and: { fail: "no_face" } }),
    "failed",
  );
  const { body } = await child.rest("POST", "/v1/jobs", await uploadFixtures(child.rest));
  expect(body).toMatchObject({ code: "gpu_quota_exceeded", limit: { of: "childKey", max: 400, left: 200 } });
});
