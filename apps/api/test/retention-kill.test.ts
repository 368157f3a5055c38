import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Db, openDatabase } from "../src/db/client.ts";
import { jobs, runs, uploads } from "../src/db/schema/schema.ts";
import { claimKey, videoKey } from "../src/dispatch/run-keys.ts";
import { newId } from "../src/ids.ts";
import { startChildApi } from "./support/child-api.ts";
import { openStore, sweep } from "./support/leftovers.ts";
import { insertJob, OWNER } from "./support/rows.ts";
import { isProof, SEED, seededRandom } from "./support/seeded-random.ts";
import { createTestDatabase, type TestDatabase } from "./support/test-database.ts";
import { until } from "./support/until.ts";

const LONG = 3_600_000;
const HOUR_MS = 3_600_000;
const OBJECTS = isProof ? 10_000 : 300;
const ROUNDS = isProof ? 10 : 1;
/** The promise. */
const LATEST_MS = 60_000;
const random = seededRandom(SEED);

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
});
afterEach(() => database.remove());

async function withDatabase<T>(work: (db: Db) => Promise<T>): Promise<T> {
  const { db, close } = await openDatabase(database.config);
  return work(db).finally(close);
}

/** Objects that a store has, without the fsync that a put costs. */
async function placeAll(keys: string[]): Promise<void> {
  if (!database.r2) {
    for (const key of keys) {
      const path = join(database.dataDir, "objects", key);
      await mkdir(dirname(path), { recursive: true });
      await writeFile(path, "x");
    }
    return;
  }
  const store = openStore(database);
  await store.start();
  async function* body() {
    yield Buffer.from("x");
  }
  const left = [...keys];
  const put = async () => {
    for (let key = left.pop(); key !== undefined; key = left.pop())
      await store.put(key, body(), { contentType: "video/mp4" });
  };
  await Promise.all(Array.from({ length: 16 }, put));
  await store.stop();
}

/** A third each: videos of jobs, uploads, and what a lost run left. Each is due some time within `span` of `around`. */
async function fill(db: Db, count: number, around: number, spanMs: number): Promise<Map<string, number>> {
  const dueAt = new Map<string, number>();
  for (let index = 0; index < count; index++) {
    const time = around + (random() - 0.5) * spanMs;
    if (index % 3 === 0) {
      const { videoKey: key } = await insertJob(
        { db },
        { status: "succeeded", videoExpiresAt: new Date(time) },
      );
      dueAt.set(key ?? "", time);
    } else if (index % 3 === 1) {
      const id = newId("upload");
      const createdAt = new Date(time - HOUR_MS);
      const row = { id, owner: OWNER, contentType: "image/png" as const, bytes: 1, createdAt };
      await db.insert(uploads).values({ ...row, expiresAt: new Date(time) });
      dueAt.set(`uploads/${id}`, time);
    } else {
      const run = { runId: newId("run"), jobId: newId("job") };
      const ended = new Date(time - 600_000);
      await db.insert(runs).values({
        id: run.runId,
        jobId: run.jobId,
        engine: "scripted",
        leaseOwner: "api_gone",
        leaseUntil: ended,
        startedAt: ended,
        endedAt: ended,
        outcome: "lost",
        sweepAt: new Date(time),
      });
      dueAt.set(videoKey(run), time);
      dueAt.set(claimKey(run), time);
    }
  }
  return dueAt;
}

test(
  "F11: nothing is deleted early, and all within a minute, also after downtime, kills and failing deletions",
  async () => {
    const around = Date.now();
    // Nothing gets due while the server runs at one of the three times below.
    const dueAt = await withDatabase(async (db) => {
      const past = await fill(db, OBJECTS / 2, around - 3 * HOUR_MS, 4 * HOUR_MS);
      const before6 = await fill(db, OBJECTS / 4, around + 5 * HOUR_MS, 1.9 * HOUR_MS);
      const after6 = await fill(db, OBJECTS / 4, around + 7.5 * HOUR_MS, 2 * HOUR_MS);
      return new Map([...past, ...before6, ...after6]);
    });
    await placeAll([...dueAt.keys()]);
    database.s3?.faults.when(({ operation }) =>
      operation !== "DeleteObjects" || random() > 0.2
        ? undefined
        : random() < 0.5
          ? { status: 503, code: "SlowDown" }
          : { code: "InternalError", keys: () => random() < 0.2 },
    );
    const expectOnly = async (aheadMs: number) => {
      const left = [...dueAt].filter(([, time]) => time > Date.now() + aheadMs).map(([key]) => key);
      expect(await database.objects()).toEqual(left.sort());
    };

    let sweeps = 0;
    for (const aheadMs of [0, 6 * HOUR_MS, 9 * HOUR_MS]) {
      const isDue = (key: string) => (dueAt.get(key) ?? 0) <= Date.now() + aheadMs;
      const countDue = async () => (await database.objects()).filter(isDue).length;
      const child = { engine: "hold", aheadMs } as const;
      const due = await countDue();
      for (let kill = 0; kill < ROUNDS; kill++) {
        // In the middle of a sweep, wherever that is.
        const killAt = Math.floor(due * random());
        const api = await startChildApi({ database, child });
        await until("some are deleted", async () => (await countDue()) <= killAt, LATEST_MS);
        await api.kill();
        sweeps++;
      }
      const api = await startChildApi({ database, child });
      await until("all that is due is gone", async () => (await countDue()) === 0, LATEST_MS);
      await expectOnly(aheadMs);
      await api.terminate();
    }
    console.log(`${dueAt.size} objects, ${sweeps} kills, seed ${SEED}`);
    expect(await database.objects()).toEqual([]);
    await withDatabase(async (db) => {
      expect(await db.$count(jobs, eq(jobs.status, "expired"))).toBe(await db.$count(jobs));
    });
  },
  LONG,
);

test("F11: rows are deleted 90 days after their end, and not before", async () => {
  const day = 24 * HOUR_MS;
  await withDatabase(async (db) => {
    await fill(db, 30, Date.now() - 4 * HOUR_MS, HOUR_MS);
    const { id: unfinished } = await insertJob({ db });
    const sweepAfter = (days: number) => sweep(db, database, new Date(Date.now() + days * day));
    const rows = async () => [await db.$count(jobs), await db.$count(uploads)];
    await sweepAfter(0);
    await sweepAfter(89);
    expect(await rows()).toEqual([11, 10]);
    await sweepAfter(91);
    expect(await db.select({ id: jobs.id }).from(jobs)).toEqual([{ id: unfinished }]);
  });
});
