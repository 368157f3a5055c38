import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { isNotNull } from "drizzle-orm";
import { pino } from "pino";
import { expect } from "vitest";
import type { Db } from "../../src/db/client.ts";
import { jobs } from "../../src/db/schema/schema.ts";
import { createRetention } from "../../src/retention/retention.ts";
import { createRetentionRepository } from "../../src/retention/retention-repository.ts";
import { createDiskObjectStore } from "../../src/storage/disk-object-store.ts";

/** What the sweeper of a server does now and then, at another time. */
export async function sweep(db: Db, dataDir: string, at: Date): Promise<void> {
  const now = () => at;
  const store = createDiskObjectStore({ directory: dataDir, publicUrl: () => "", signingSecret: "-", now });
  const retention = createRetentionRepository(db);
  const log = pino({ level: "silent" });
  await createRetention({ retention, store, changes: { publish() {} }, now, log }).sweep();
}

/** Files below a folder of the data directory, as keys of the store. */
export async function filesIn(dataDir: string, folder: string): Promise<string[]> {
  const root = join(dataDir, folder);
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch(() => []);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}

/** Each video on disk is the one of its job, and each job that has one finds it there. */
export async function expectNoLeftovers(db: Db, dataDir: string): Promise<void> {
  // Later than anything that is still at work, earlier than the first upload expires.
  await sweep(db, dataDir, new Date(Date.now() + 30 * 60_000));
  const rows = await db.select({ key: jobs.videoKey }).from(jobs).where(isNotNull(jobs.videoKey));
  const videos = (await filesIn(dataDir, "objects")).filter((key) => key.startsWith("videos/"));
  expect(videos).toEqual(rows.map((row) => row.key).sort());
  expect(await filesIn(dataDir, "incoming")).toEqual([]);
  expect(await filesIn(dataDir, "preview")).toEqual([]);
}
