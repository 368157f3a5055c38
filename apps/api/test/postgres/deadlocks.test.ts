import { count, sql } from "drizzle-orm";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { createApiKeyRepository } from "../../src/api-keys/api-key-repository.ts";
import { type Db, openDatabase } from "../../src/db/client.ts";
import { jobs } from "../../src/db/schema/schema.ts";
import { createRunRepository } from "../../src/dispatch/run-repository.ts";
import { newId } from "../../src/ids.ts";
import { createAdmissionRepository } from "../../src/jobs/admission-repository.ts";
import { aJobRow, insertJob, insertKey, OWNER } from "../support/rows.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { until } from "../support/until.ts";

let db: Db;
beforeEach(async () => {
  const database = await createTestDatabase("postgres");
  onTestFinished(() => database.remove());
  const opened = await openDatabase(database.config);
  onTestFinished(opened.close);
  db = opened.db;
});

const untilOneWaits = () =>
  until("a transaction waits for a lock", async () => {
    const [row] = await db
      .select({ waiting: count() })
      .from(sql`pg_stat_activity`)
      .where(sql`datname = current_database() and wait_event_type = 'Lock'`);
    return row?.waiting === 1;
  });

test("keys that were used are noted while jobs are made of some of them, in whatever order", async () => {
  // The table has them in the other order.
  await insertKey({ db }, OWNER, { id: "key_b" });
  await insertKey({ db }, OWNER, { id: "key_a" });
  let noted: Promise<void> | undefined;
  await createAdmissionRepository(db).atomically(async (tx) => {
    await tx.lockKeys(["key_a"], []);
    noted = createApiKeyRepository(db).touch(["key_b", "key_a"], new Date());
    await untilOneWaits();
    await tx.lockKeys(["key_b"], []);
  });
  await noted;
});

test("two transactions make jobs of the same idempotency keys, in whatever order", async () => {
  const aJob = (idempotencyKey: string) => aJobRow({ idempotencyKey });
  const admissions = createAdmissionRepository(db);
  let other: Promise<unknown[]> | undefined;
  const own = await admissions.atomically(async (tx) => {
    const first = await tx.insert([aJob("1")], new Date());
    other = admissions.atomically((tx) => tx.insert([aJob("2"), aJob("1"), aJob("3")], new Date()));
    await untilOneWaits();
    return [...first, ...(await tx.insert([aJob("2")], new Date()))];
  });
  expect(own.map((job) => job.idempotencyKey)).toEqual(["1", "2"]);
  expect(await other).toMatchObject([{ idempotencyKey: "3" }]);
});

test("of overdue jobs, those that another transaction changes are left to it", async () => {
  const overdue = { deadlineAt: new Date(0) };
  const [changed, left] = [await insertJob({ db }, overdue), await insertJob({ db }, overdue)];
  const runs = createRunRepository(db, newId);
  const failed = await db.transaction(async (tx) => {
    await tx.update(jobs).set({ progress: 0.5 }).where(sql`${jobs.id} = ${changed.id}`);
    return runs.failOverdue("live", new Date());
  });
  expect(failed).toEqual([{ jobId: left.id, code: "queue_timeout" }]);
  expect(await runs.failOverdue("live", new Date())).toEqual([{ jobId: changed.id, code: "queue_timeout" }]);
});
