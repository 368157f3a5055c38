import { eq } from "drizzle-orm";
import { afterEach, expect, onTestFinished, test } from "vitest";
import { apiKeys, budgetWarnings } from "../src/db/schema/schema.ts";
import { queueJob, untilStatus } from "./support/queue.ts";
import { insertKey } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { createTestDatabase } from "./support/test-database.ts";
import { until } from "./support/until.ts";

const DAY_MS = 86_400_000;
const SHARES = [0.5, 0.8, 0.95];
/** Two days before a month ends. */
const START = new Date("2026-03-30T12:00:00Z");

let api: TestApi;
let time: Date;
const running: TestApi[] = [];
const stop = async () => void (await running.pop()?.stop());
afterEach(stop);

async function start(budget: { usdPerDay?: number; usdPerMonth?: number }, more = {}): Promise<void> {
  time = START;
  const { usdPerDay, usdPerMonth } = budget;
  api = await startTestApi({
    now: () => time,
    config: { budget: { usdPerDay, usdPerMonth, warnShares: SHARES } },
    ...more,
  });
  running.push(api);
}

/** A job that costs so much comes to its end, and what is to be said of that was said. */
async function spend(
  usd: number,
  keyId = "key_1",
  end: "succeed" | { fail: "no_face" } = "succeed",
): Promise<void> {
  api.engine.scripts = [{ bill: Math.round(usd * 100), and: end }];
  const at = { runAfter: time, createdAt: time, deadlineAt: new Date(time.getTime() + DAY_MS) };
  const { id } = await queueJob(api, { keyId, ...at });
  await untilStatus(api.db, id, end === "succeed" ? "succeeded" : "failed");
}

/** What was warned of, in the order of its kind. */
const warned = () =>
  api.logs
    .map((line) => JSON.parse(line))
    .filter(({ msg }) => msg === "a budget is spent to this share")
    .map(({ level, of, keyId, span, share, spentUsd, maxUsd }) => ({
      ...{ level, of, keyId, span, share, spentUsd, maxUsd },
    }));
const shares = () => warned().map(({ of, span, share }) => `${of} ${span} ${share}`);
const untilWarned = (...expected: string[]) =>
  until(`warned of ${expected}`, () => shares().length >= expected.length).then(() =>
    expect(shares()).toEqual(expected),
  );
const told = () => api.metrics("avatar_budget_left_usd", "avatar_budget_warnings_total");

test("each share of the service's budget is warned of once, when a bill reaches it", async () => {
  await start({ usdPerDay: 10 });
  await spend(4.99);
  await spend(0.01);
  await untilWarned("service day 0.5");
  expect(warned()[0]).toEqual({
    ...{ level: "warn", of: "service", keyId: undefined, span: "day", share: 0.5, spentUsd: 5, maxUsd: 10 },
  });
  await spend(1);
  await spend(4, "key_2");
  await untilWarned("service day 0.5", "service day 0.8", "service day 0.95");
  await spend(3);
  await stop(); // It ends what it has begun.
  expect(shares()).toHaveLength(3);
});

test("failed runs count as well", async () => {
  await start({ usdPerDay: 10 });
  await spend(6, "key_1", { fail: "no_face" });
  await untilWarned("service day 0.5");
});

test("a new day and a new month begin anew, each for itself", async () => {
  await start({ usdPerDay: 4, usdPerMonth: 10 });
  await spend(3);
  await untilWarned("service day 0.5");
  time = new Date(START.getTime() + DAY_MS);
  await spend(2);
  await untilWarned("service day 0.5", "service day 0.5", "service month 0.5");
  time = new Date(START.getTime() + 2 * DAY_MS); // April
  await spend(2);
  await untilWarned("service day 0.5", "service day 0.5", "service month 0.5", "service day 0.5");
  const rows = await api.db.select().from(budgetWarnings);
  expect(rows.map(({ of, period }) => `${of} ${period}`).toSorted()).toEqual([
    "service 2026-03",
    "service 2026-03-30",
    "service 2026-03-31",
    "service 2026-04-01",
  ]);
});

test("a key's own budget is warned of by its id, whatever others spend", async () => {
  await start({});
  await insertKey(api, "owner_k", { id: "key_rich", limits: { usdPerDay: 100 } });
  await insertKey(api, "owner_k", { id: "key_poor", limits: { usdPerMonth: 2 } });
  await spend(30, "key_rich");
  await spend(1.7, "key_poor");
  await untilWarned("key month 0.5", "key month 0.8");
  expect(warned().map(({ keyId }) => keyId)).toEqual(["key_poor", "key_poor"]);
  // A budget that was raised is not warned of again at shares that it had reached, but at the next one.
  await api.db
    .update(apiKeys)
    .set({ limits: { usdPerMonth: 4 } })
    .where(eq(apiKeys.id, "key_poor"));
  await spend(2.2, "key_poor");
  await untilWarned("key month 0.5", "key month 0.8", "key month 0.95");
});

test("metrics count warnings, and tell what is left of the service's budget", async () => {
  await start({ usdPerDay: 10, usdPerMonth: 100 });
  await spend(6);
  await untilWarned("service day 0.5");
  expect(await told()).toEqual([
    'avatar_budget_left_usd{span="day"} 4',
    'avatar_budget_left_usd{span="month"} 94',
    'avatar_budget_warnings_total{of="service",span="day",share="0.5"} 1',
  ]);
  await spend(6);
  const left = () => api.metrics("avatar_budget_left_usd", "avatar_budget_usd");
  await until("it is told", async () => (await left()).includes('avatar_budget_left_usd{span="day"} 0'));
  expect(await left()).toEqual([
    'avatar_budget_usd{span="day"} 10',
    'avatar_budget_usd{span="month"} 100',
    'avatar_budget_left_usd{span="day"} 0',
    'avatar_budget_left_usd{span="month"} 88',
  ]);
});

test("without a budget nothing is said", async () => {
  await start({});
  await spend(1000);
  await stop();
  expect(shares()).toEqual([]);
  await start({});
  expect(await told()).toEqual([]);
});

test("what a process did not say before it died, the next one says", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.remove());
  const silent = { budget: { usdPerDay: undefined, usdPerMonth: undefined, warnShares: [] } };
  await start({}, { database, config: silent });
  await insertKey(api, "owner_k", { id: "key_left", limits: { usdPerDay: 2 } });
  await spend(1.7, "key_left");
  await stop();
  await start({ usdPerDay: 2 }, { database });
  await until("both are told", () => shares().length === 4);
  expect(shares().toSorted()).toEqual(["key day 0.5", "key day 0.8", "service day 0.5", "service day 0.8"]);
  await stop();
  await start({ usdPerDay: 2 }, { database });
  await stop();
  expect(shares(), "and the one after that does not").toEqual([]);
});
