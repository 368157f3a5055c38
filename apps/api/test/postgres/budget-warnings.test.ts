import { expect, onTestFinished, test } from "vitest";
import { budgetWarnings } from "../../src/db/schema/schema.ts";
import { queueJob, untilStatus } from "../support/queue.ts";
import { insertKey } from "../support/rows.ts";
import { startTestApi } from "../support/test-api.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { until } from "../support/until.ts";

const JOBS = 40;

test("of replicas that are billed at once, one warns of each share, and counts it", async () => {
  const database = await createTestDatabase("postgres");
  onTestFinished(() => database.remove());
  const config = {
    maxRunsInFlight: JOBS,
    budget: { usdPerDay: 0.1 * JOBS, usdPerMonth: 0.2 * JOBS, warnShares: [0.5, 0.8, 0.95] },
  };
  const replicas = await Promise.all(
    [1, 2, 3].map(async () => {
      const replica = await startTestApi({ database, config });
      onTestFinished(() => replica.stop());
      return replica;
    }),
  );
  const [first] = replicas;
  if (!first) throw new Error("there is no replica");
  await insertKey(first, "owner_k", { id: "key_1", limits: { usdPerDay: 0.1 * JOBS } });
  const release = Promise.withResolvers<void>();
  for (const { engine } of replicas)
    engine.scripts = Array.from({ length: JOBS }, () => ({ bill: 10, and: { hold: release.promise } }));
  const queued = await Promise.all(Array.from({ length: JOBS }, () => queueJob(first)));
  await until("all run", () => replicas.reduce((sum, { engine }) => sum + engine.started.length, 0) === JOBS);
  release.resolve();
  for (const { id } of queued) await untilStatus(first.db, id, "succeeded");

  const expected = ["key day", "service day", "service month"].flatMap((of) =>
    (of === "service month" ? [0.5] : [0.5, 0.8, 0.95]).map((share) => `${of} ${share}`),
  );
  await until("all is written", async () => (await first.db.$count(budgetWarnings)) === expected.length);
  const counted = (
    await Promise.all(replicas.map((replica) => replica.metrics("avatar_budget_warnings_total")))
  ).flat();
  const told = counted.filter((line) => line.startsWith("avatar_budget_warnings_total"));
  const toName = (line: string) =>
    line.replace(/^\S+\{of="(\w+)",span="(\w+)",share="([\d.]+)"\} 1$/, "$1 $2 $3");
  expect(told.map(toName).toSorted()).toEqual(expected);
  const logged = replicas
    .flatMap(({ logs }) => logs.map((line) => JSON.parse(line)))
    .filter(({ msg }) => msg === "a budget is spent to this share");
  expect(logged.map(({ of, span, share }) => `${of} ${span} ${share}`).toSorted()).toEqual(expected);
});
