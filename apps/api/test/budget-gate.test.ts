import { afterEach, expect, test } from "vitest";
import type { NewJobRow } from "../src/jobs/job-repository.ts";
import { makeKey } from "./support/keys.ts";
import { jobRow, queueJob, untilStatus } from "./support/queue.ts";
import { SCRIPTED_PRICE } from "./support/scripted-engine.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";

let api: TestApi;
afterEach(() => api.stop());

/** A run may start for 600 s and render for 300 s: $9 at most. */
const RUN_USD = 9;
/** How long a job waits that may not begin yet. */
const POLL_MS = 2000;

async function start(usdPerDay?: number): Promise<void> {
  api = await startTestApi({
    gpuPricePerSecond: SCRIPTED_PRICE,
    config: {
      maxRunsInFlight: 3,
      startTimeoutMs: 600_000,
      ...(usdPerDay !== undefined && { budget: { usdPerDay, usdPerMonth: undefined, warnShares: [] } }),
    },
    dispatcher: { leaseMs: 60_000, runTimeoutMs: () => 300_000 },
  });
}

/** Jobs that are in the queue already, whatever their key may spend, and what ends the runs that begin. */
async function queue(count: number, job: Partial<NewJobRow> = {}) {
  const ends = Array.from({ length: count }, () => Promise.withResolvers<void>());
  api.engine.scripts = ends.map(({ promise: hold }) => ({ bill: 100, and: { hold } }));
  const ids: string[] = [];
  for (let index = 0; index < count; index++) ids.push((await queueJob(api, job)).id);
  return { ids, ends };
}

const begun = (count: number) => until(`${count} runs began`, () => api.engine.started.length === count);

test("a run begins only if a key's budget would last for all that are open, however dear they were", async () => {
  await start();
  const { id: keyId, owner } = await makeKey(api, { limits: { usdPerDay: 1.5 * RUN_USD } });
  const { ids, ends } = await queue(3, { keyId, owner });
  await begun(2);
  const [first = "", , third = ""] = ids;
  const waits = await until("the third waits", async () => {
    const row = await jobRow(api.db, third);
    return row.runAfter > row.updatedAt && row;
  });
  expect([waits.status, api.engine.started.length]).toEqual(["queued", 2]);

  ends[0]?.resolve();
  await untilStatus(api.db, first, "succeeded");
  api.advance(POLL_MS);
  await begun(3);
  for (const { resolve } of ends) resolve();
  for (const id of ids) await untilStatus(api.db, id, "succeeded");
});

test("other keys are not held up by one that waits for its budget", async () => {
  await start();
  const { id: keyId, owner } = await makeKey(api, { limits: { usdPerDay: RUN_USD / 2 } });
  const { ids, ends } = await queue(2, { keyId, owner });
  await begun(1);
  const other = await queueJob(api);
  await begun(2);
  expect(api.engine.started.map(({ jobId }) => jobId)).toEqual([ids[0], other.id]);
  for (const { resolve } of ends) resolve();
});

test("what is left in the queue of a budget that is used up fails, and says so", async () => {
  await start();
  const { id: keyId, owner, rest } = await makeKey(api, { limits: { usdPerDay: 1 } });
  const { ids, ends } = await queue(2, { keyId, owner });
  await begun(1);
  ends[0]?.resolve(); // It cost all of the dollar.
  const [first = "", second = ""] = ids;
  await untilStatus(api.db, first, "succeeded");
  api.advance(POLL_MS);
  await untilStatus(api.db, second, "failed");
  const { body } = await rest("GET", `/v1/jobs/${second}`);
  expect(body).toMatchObject({ error: { code: "budget_exhausted" }, cost: { gpuSeconds: 0, usd: 0 } });
  expect(await api.metrics()).toContain('avatar_jobs_failed_total{mode="live",code="budget_exhausted"} 1');
  const { body: usage } = await rest("GET", "/v1/usage");
  expect(usage.totals).toMatchObject({ succeeded: 1, failed: 1, costUsd: 1 });
});

test("the service's budget holds for all keys together", async () => {
  await start(1.5 * RUN_USD);
  const keys = [await makeKey(api), await makeKey(api), await makeKey(api)];
  const ends = keys.map(() => Promise.withResolvers<void>());
  api.engine.scripts = ends.map(({ promise: hold }) => ({ bill: 100, and: { hold } }));
  const ids: string[] = [];
  for (const { id: keyId, owner } of keys) ids.push((await queueJob(api, { keyId, owner })).id);
  await begun(2);
  await until("the third waits", async () => {
    const row = await jobRow(api.db, ids[2] ?? "");
    return row.runAfter > row.updatedAt;
  });
  ends[0]?.resolve();
  await untilStatus(api.db, ids[0] ?? "", "succeeded");
  api.advance(POLL_MS);
  await begun(3);
  for (const { resolve } of ends) resolve();
});
