import { afterAll, beforeAll, expect, test } from "vitest";
import { type Database, openDatabase } from "../src/db/client.ts";
import { jobs } from "../src/db/schema/schema.ts";
import { lockNextJobs } from "../src/dispatch/queue-repository.ts";
import { createJobRepository, type NewJobRow } from "../src/jobs/job-repository.ts";
import { inTurn } from "../src/jobs/queue-outlook.ts";
import { aJobRow } from "./support/rows.ts";
import { isProof, SEED, seededRandom } from "./support/seeded-random.ts";
import { createTestDatabase, type TestDatabase } from "./support/test-database.ts";

const QUEUES = isProof ? 1000 : 40;
const NOW = new Date("2026-01-01T12:00:00Z");
const random = seededRandom(SEED);
const upTo = (max: number) => Math.floor(random() * (max + 1));
const pick = <T>(...values: [T, ...T[]]): T => values[upTo(values.length - 1)] ?? values[0];
/** Within few milliseconds, so that some are at the same time. */
const ago = (max: number) => new Date(NOW.getTime() - upTo(max));

let database: TestDatabase;
let opened: Database;
beforeAll(async () => {
  database = await createTestDatabase();
  opened = await openDatabase(database.config);
});
afterAll(async () => {
  await opened.close();
  await database.remove();
});

/** Jobs in any state, of owners with any number of keys; some wait for a time. */
function aQueue(): NewJobRow[] {
  const owners = 1 + upTo(4);
  const keys = 1 + upTo(5);
  return Array.from({ length: 1 + upTo(60) }, () => {
    const owner = `owner_${pick("", "B", "b", "_", "ä")}${upTo(owners)}`;
    const status = pick("queued", "queued", "queued", "starting", "running", "succeeded", "canceled");
    const isOver = status === "succeeded" || status === "canceled";
    return aJobRow({
      owner,
      keyId: `${owner} ${upTo(keys)}`,
      mode: pick("live", "live", "live", "test"),
      status,
      createdAt: ago(50),
      runAfter: pick(ago(50), ago(50), new Date(NOW.getTime() + 1 + upTo(50))),
      deadlineAt: isOver ? null : new Date(NOW.getTime() + 1000),
      startedAt: status === "queued" ? pick(null, null, ago(50)) : ago(50),
    });
  });
}

const ids = (rows: { id: string }[]) => rows.map(({ id }) => id);

test(`F13: jobs are taken in the order that customers are told, however many at once (${QUEUES} queues)`, async () => {
  const { db } = opened;
  for (let round = 0; round < QUEUES; round++) {
    await db.delete(jobs);
    const rows = aQueue();
    await db.insert(jobs).values(rows);
    const told = inTurn(await createJobRepository(db).listUnfinished("live", 1000), NOW);
    const isDue = ({ id }: { id: string }) =>
      rows.some((row) => row.id === id && row.runAfter.getTime() <= NOW.getTime());

    const taken = ids(await lockNextJobs(db, "live", 1000, NOW));
    expect(taken, `seed ${SEED}, queue ${round}`).toEqual(ids(told.filter(isDue)));
    const few = upTo(8);
    expect(ids(await lockNextJobs(db, "live", few, NOW))).toEqual(taken.slice(0, few));

    const later = told.slice(taken.length);
    expect(later.some(isDue)).toBe(false);
    const queued = rows.filter(({ status, mode }) => status === "queued" && mode === "live");
    expect(ids(told).sort()).toEqual(ids(queued as { id: string }[]).sort());
  }
}, 3_600_000);
