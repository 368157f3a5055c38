import { isNotNull } from "drizzle-orm";
import { pino } from "pino";
import { expect } from "vitest";
import type { Db } from "../../src/db/client.ts";
import { jobs } from "../../src/db/schema/schema.ts";
import { createRetention } from "../../src/retention/retention.ts";
import { createRetentionRepository } from "../../src/retention/retention-repository.ts";
import { createDiskObjectStore } from "../../src/storage/disk-object-store.ts";
import type { ObjectStore } from "../../src/storage/object-store.ts";
import { createR2ObjectStore } from "../../src/storage/r2-object-store.ts";
import { filesIn, type TestDatabase } from "./test-database.ts";

/** The store of a test's API, as another process would open it. */
export function openStore({ dataDir: directory, r2 }: TestDatabase, now = () => new Date()): ObjectStore {
  return r2
    ? createR2ObjectStore({ config: r2, directory, now })
    : createDiskObjectStore({ directory, publicUrl: () => "", signingSecret: "-", now });
}

/** What the sweeper of a server does now and then, at another time. */
export async function sweep(db: Db, database: TestDatabase, at: Date): Promise<void> {
  const now = () => at;
  const store = openStore(database, now);
  try {
    await createRetention({
      retention: createRetentionRepository(db),
      store,
      changes: { publish() {} },
      exclusively: (work) => work(),
      now,
      log: pino({ level: "silent" }),
    }).sweep();
  } finally {
    await store.stop();
  }
}

/** Each video in the store is the one of its job, and each job that has one finds it there. */
export async function expectNoLeftovers(
  db: Db,
  database: TestDatabase,
  afterMs = 30 * 60_000,
): Promise<void> {
  // Later than anything that is still at work, earlier than the first upload expires.
  await sweep(db, database, new Date(Date.now() + afterMs));
  const rows = await db.select({ key: jobs.videoKey }).from(jobs).where(isNotNull(jobs.videoKey));
  expect(await database.objects("videos/")).toEqual(rows.map((row) => row.key).sort());
  expect(await filesIn(database.dataDir, "incoming")).toEqual([]);
  expect(await filesIn(database.dataDir, "preview")).toEqual([]);
}
