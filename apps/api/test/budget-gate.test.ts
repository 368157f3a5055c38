import { afterEach, expect, test } from "vitest";
import { usageDays } from "../src/db/schema/schema.ts";
import type { NewJobRow } from "../src/jobs/job-repository.ts";
import { uploadFixtures } from "./support/fixtures.ts";
import { makeKey } from "./support/keys.ts";
import { jobRow, queueJob, runsOf, untilStatus } from "./support/queue.ts";
import { SCRIPTED_PRICE } from "./support/scripted-engine.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";

let api: TestApi;
afterEach(() => api.stop());

/** A run may start for 600 s and render for 300 s: $9 at most. */
const RUN_USD = 9;

async function start(usdPerDay?: number, more: { slots?: number; pollMs?: number } = {}): Promise<void> {
  const { slots = 3, pollMs = 100 } = more;
  api = await startTestApi({
    gpuPricePerSecond: SCRIPTED_PRICE,
    config: {
      maxRunsInFlight: slots,
      startTimeoutMs: 600_000,
      ...(usdPerDay !== undefined && { budget: { usdPerDay, usdPerMonth: undefined, warnShares: [] } }),
    },
    dispatcher: { leaseMs: 60_000, runTimeoutMs: () => 300_000, pollMs },
  });
}

/** What ends the next runs, first to last. */
function hold(count: number) {
  const ends = Array.from({ length: count }, () => Promise.withResolvers<void>());
  api.engine.scripts.push(...ends.map(({ promise: hold }) => ({ bill: 100, and: { hold } }) as const));
  return ends;
}

/**
 * Jobs that are seen in the queue all at once, whatever their keys may spend. Each is a millisecond older than the next
 * one, so that their order is known.
 */
const queue = (...jobs: Partial<NewJobRow>[]) =>
  api.db.transaction(async (db) => {
    const ids: string[] = [];
    const firstMs = Date.now() - jobs.length;
    for (const [index, job] of jobs.entries())
      ids.push((await queueJob({ db }, { createdAt: new Date(firstMs + index), ...job })).id);
    return ids;
  });

const begun = (count: number) => until(`${count} runs began`, () => api.engine.started.length === count);

test("a run begins only if a key's budget would last for all that are open, however dear they were", async () => {
  await start();
  const { id: keyId, owner } = await makeKey(api, { limits: { usdPerDay: 1.5 * RUN_USD } });
  const ends = hold(3);
  const ids = await queue(...Array(3).fill({ keyId, owner }));
  await begun(2);
  const [first = "", , third = ""] = ids;
  expect((await jobRow(api.db, third)).status).toBe("queued");

  ends[0]?.resolve();
  await begun(3);
  const [ended] = await runsOf(api.db, first);
  const [late] = await runsOf(api.db, third);
  expect(late?.startedAt.getTime()).toBeGreaterThanOrEqual(ended?.endedAt?.getTime() ?? Infinity);
  for (const { resolve } of ends) resolve();
  for (const id of ids) await untilStatus(api.db, id, "succeeded");
});

/** Without a look now and then: only what happens makes the dispatcher look for jobs. */
const UNTOLD = { pollMs: 3_600_000 };

/** A key that may spend as it likes. */
async function anotherKey() {
  const { id: keyId, owner, rest } = await makeKey(api);
  const inputs = await uploadFixtures(rest);
  const create = async () => (await rest("POST", "/v1/jobs", inputs)).body.id as string;
  return { of: { keyId, owner }, create };
}

test("F13: others keep their slots beside a key that waits for its budget, however many jobs it has", async () => {
  await start(undefined, { slots: 6, ...UNTOLD });
  const { id: keyId, owner } = await makeKey(api, { limits: { usdPerDay: RUN_USD / 2 } });
  const { of: other, create } = await anotherKey();
  const ends = hold(12);
  const [only, ...waiting] = await queue(...Array(11).fill({ keyId, owner }), ...Array(15).fill(other));
  await create();
  await begun(6);
  const others = api.engine.started.flatMap(({ jobId }, index) => (jobId === only ? [] : [index]));
  expect(others).toHaveLength(5);

  for (const [count, index] of others.entries()) {
    ends[index]?.resolve();
    await begun(6 + count + 1);
  }
  expect(api.engine.started.filter(({ jobId }) => waiting.slice(0, 10).includes(jobId))).toEqual([]);
});

test("F13: jobs of a budget that is used up fail at once, and take nobody's turn", async () => {
  await start(undefined, { slots: 1, ...UNTOLD });
  const { id: keyId, owner } = await makeKey(api, { limits: { usdPerDay: 1 } });
  const day = new Date().toISOString().slice(0, 10);
  await api.db.insert(usageDays).values({ day, keyId, owner, mode: "live", costUsd: 1 });
  const ids = await queue(...Array(10).fill({ keyId, owner }));
  const { create } = await anotherKey();
  const ends = hold(1);
  const other = await create();
  await begun(1);
  expect(api.engine.started[0]?.jobId).toBe(other);
  for (const id of ids) expect((await jobRow(api.db, id)).error?.code).toBe("budget_exhausted");
  ends[0]?.resolve();
});

test("what is left in the queue of a budget that is used up fails, and says so", async () => {
  await start();
  const { id: keyId, owner, rest } = await makeKey(api, { limits: { usdPerDay: 1 } });
  const ends = hold(1);
  const [first = "", second = ""] = await queue(...Array(2).fill({ keyId, owner }));
  await begun(1);
  ends[0]?.resolve(); // It cost all of the dollar.
  await untilStatus(api.db, first, "succeeded");
  await untilStatus(api.db, second, "failed");
  const { body } = await rest("GET", `/v1/jobs/${second}`);
  expect(body).toMatchObject({ error: { code: "budget_exhausted" }, cost: { gpuSeconds: 0, usd: 0 } });
  expect(await api.metrics("avatar_jobs_failed_total")).toContain(
    'avatar_jobs_failed_total{mode="live",code="budget_exhausted"} 1',
  );
  const { body: usage } = await rest("GET", "/v1/usage");
  expect(usage.totals).toMatchObject({ succeeded: 1, failed: 1, costUsd: 1 });
});

test("the service's budget holds for all keys together", async () => {
  await start(1.5 * RUN_USD);
  const keys = [await makeKey(api), await makeKey(api), await makeKey(api)];
  const ends = hold(3);
  const [, , third = ""] = await queue(...keys.map(({ id: keyId, owner }) => ({ keyId, owner })));
  await begun(2);
  expect((await jobRow(api.db, third)).status).toBe("queued");
  ends[0]?.resolve();
  await begun(3);
  for (const { resolve } of ends) resolve();
});
