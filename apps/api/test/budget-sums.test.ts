import { isNull, sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { jobs, runs, usageDays } from "../src/db/schema/schema.ts";
import { aPng, aWav } from "./media/media-files.ts";
import { createRest, uploadFile } from "./support/rest.ts";
import { insertKey } from "./support/rows.ts";
import { isProof, SEED, seededRandom } from "./support/seeded-random.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";

const ROUNDS = isProof ? 50 : 2;
const STEPS = 12;
const PRICE = 0.001;
const never = new Promise<void>(() => {});
const random = seededRandom(SEED);
const upTo = (max: number) => Math.floor(random() * (max + 1));

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({
    gpuPricePerSecond: PRICE,
    config: { maxRunsInFlight: 50 },
    dispatcher: { leaseMs: 60_000 },
  });
  // It costs what it was reckoned with at most, which is known to the customer when it is canceled at last.
  api.engine.usageOf = ({ audioSeconds }) => ({
    billedSeconds: upTo(175 + 30 * audioSeconds),
    pricePerSecond: PRICE,
  });
});
afterAll(() => api.stop());

/** What was billed, and what is kept for jobs and runs that are not over, in one look. */
async function standing() {
  const notOver = sql`${jobs.deadlineAt} is not null or exists (select from ${runs} where ${runs.jobId} = ${jobs.id}
    and ${isNull(runs.outcome)})`;
  const [row] = await api.db
    .select({
      spent: sql<number>`coalesce((select sum(${usageDays.costUsd}) from ${usageDays}), 0)`.mapWith(Number),
      kept: sql<number>`coalesce(sum(${jobs.estimatedCostUsd}) filter (where ${notOver}), 0)`.mapWith(Number),
    })
    .from(jobs);
  return row ?? { spent: 0, kept: 0 };
}

test(`budgets are never overdrawn, and nothing is refused that fits, whatever is made, canceled and billed at once (${ROUNDS} times)`, async () => {
  for (let round = 0; round < ROUNDS; round++) {
    await api.db.delete(usageDays);
    const max = 1 + random() * 3;
    const key = await insertKey(api, `owner_${round}`, { limits: { usdPerDay: max } });
    const rest = createRest(api.url, key);
    const image = await uploadFile(rest, "image/png", aPng());
    const lengths = [1, 2, 3, 5].map(async (seconds) => ({
      usd: (175 + 30 * seconds) * PRICE,
      audio: await uploadFile(rest, "audio/wav", aWav({ seconds, sampleRate: 1000, bits: 8 })),
    }));
    const recordings = await Promise.all(lengths);
    const unfinished: string[] = [];
    let made = 0;
    for (let step = 0; step < STEPS; step++) {
      const asked = Array.from({ length: upTo(5) }, () => recordings[upTo(3)] ?? recordings[0]);
      api.engine.scripts.push(...asked.map(() => ({ hold: never })));
      const before = await standing();
      const canceled = unfinished.splice(0, upTo(Math.min(3, unfinished.length)));
      const [answers] = await Promise.all([
        Promise.all(asked.map((each) => rest("POST", "/v1/jobs", { image, audio: each?.audio }))),
        ...canceled.map((id) => rest("POST", `/v1/jobs/${id}/cancel`)),
      ]);
      const { spent, kept } = await standing();
      expect(spent + kept, `seed ${SEED}, step ${step}`).toBeLessThan(max + 1e-6);
      const accepted = answers.flatMap(({ status }, index) =>
        status === 202 ? (asked[index]?.usd ?? 0) : [],
      );
      // Runs that were canceled before may be billed meanwhile, which leaves more than there was.
      const leastLeft = max - before.spent - before.kept - accepted.reduce((sum, usd) => sum + usd, 0);
      for (const [index, { status, body }] of answers.entries()) {
        expect([202, 402], JSON.stringify(body)).toContain(status);
        if (status === 202) unfinished.push(body.id);
        else if (canceled.length === 0) expect(asked[index]?.usd).toBeGreaterThan(leastLeft - 1e-6);
      }
      made += accepted.length;
    }
    for (const id of unfinished) await rest("POST", `/v1/jobs/${id}/cancel`);
    await until("all runs have ended", async () => (await api.db.$count(runs, isNull(runs.outcome))) === 0);
    const { spent, kept } = await standing();
    expect(kept).toBe(0);
    expect(spent).toBeLessThan(max + 1e-6);
    expect(made).toBeGreaterThan(3);
    api.engine.scripts = [];
  }
}, 3_600_000);
