import { and, asc, count, eq, inArray, isNull, or, type SQL, sql } from "drizzle-orm";
import type { ApiKeyRow } from "../api-keys/api-key-repository.ts";
import type { Db } from "../db/client.ts";
import { LOCKS } from "../db/locks.ts";
import { apiKeys, jobs, runs, uploads } from "../db/schema/schema.ts";
import { addUsage, type Spent, spentByAll, spentByKey, usageOf } from "../db/usage-counters.ts";
import type { JobRow, NewJobRow } from "./job-repository.ts";

export interface AdmissionRepository extends ReturnType<typeof createAdmissionRepository> {}

/** What jobs hold that are not over, and not billed. */
export interface Held {
  inFlight: number;
  queued: number;
  gpuSeconds: number;
  usd: number;
}

/** What a set of limits is held against: jobs that are not over, and what was used by those that are. */
export type Standing = Held & Spent;

const isUnfinished = sql`${jobs.deadlineAt} is not null`;
/**
 * A job that was canceled, or is past its deadline, while its run still goes on and is not billed yet. To be asked for after
 * the unfinished ones and before what was spent: a job that moves on in between is counted twice rather than not at all.
 */
const isEnding = and(isNull(runs.outcome), isNull(jobs.deadlineAt));
const cost = {
  gpuSeconds: sql<number>`coalesce(sum(${jobs.estimatedGpuSeconds}), 0)`,
  usd: sql<number>`coalesce(sum(${jobs.estimatedCostUsd}), 0)`,
};
const held = {
  inFlight: count(),
  queued: sql<number>`count(*) filter (where ${jobs.status} = 'queued')`,
  ...cost,
};
const heldAtLast = { inFlight: sql<number>`0`, queued: sql<number>`0`, ...cost };
const toHeld = (row: { [F in keyof Held]: unknown }): Held => ({
  inFlight: Number(row.inFlight),
  queued: Number(row.queued),
  gpuSeconds: Number(row.gpuSeconds),
  usd: Number(row.usd),
});

/** What is asked and written when jobs are made. */
export function createAdmissionRepository(db: Db) {
  return {
    /** All of `work` happens, or none of it. */
    atomically: <T>(work: (admission: AdmissionRepository) => Promise<T>): Promise<T> =>
      db.transaction((tx) => work(createAdmissionRepository(tx))),

    /** Until the transaction ends, no other one makes jobs that cost money. */
    async lockBudget(): Promise<void> {
      await db.execute(sql`select pg_advisory_xact_lock(${LOCKS.budget})`);
    },

    /**
     * Until the transaction ends, no other one makes jobs of these keys, or ends them.
     * @returns them and their child keys, which are not locked
     */
    async lockKeys(ids: string[], childIds: string[]): Promise<Map<string, ApiKeyRow>> {
      const locked = await db
        .select()
        .from(apiKeys)
        .where(inArray(apiKeys.id, ids))
        .orderBy(asc(apiKeys.id))
        .for("no key update");
      const children =
        childIds.length > 0 ? await db.select().from(apiKeys).where(inArray(apiKeys.id, childIds)) : [];
      return new Map([...locked, ...children].map((key) => [key.id, key]));
    },

    /** Nobody deletes these uploads until the transaction ends. @returns those that are there */
    async keepUploads(ids: string[]): Promise<Set<string>> {
      const rows = await db
        .select({ id: uploads.id })
        .from(uploads)
        .where(and(inArray(uploads.id, ids), isNull(uploads.deletedAt)))
        .orderBy(asc(uploads.id))
        .for("share");
      return new Set(rows.map(({ id }) => id));
    },

    /** Those of the idempotency keys that belong to a job, each with its owner. */
    async findTaken(rows: Pick<NewJobRow, "owner" | "idempotencyKey">[]) {
      const same = rows.flatMap(({ owner, idempotencyKey }): SQL[] => {
        const both = idempotencyKey && and(eq(jobs.owner, owner), eq(jobs.idempotencyKey, idempotencyKey));
        return both ? [both] : [];
      });
      if (same.length === 0) return [];
      return db
        .select({ owner: jobs.owner, idempotencyKey: jobs.idempotencyKey })
        .from(jobs)
        .where(or(...same));
    },

    /** By the key, child keys among them. @param isPaid whether it matters what their runs may cost */
    async heldByKey(keyIds: string[], isPaid: boolean): Promise<Map<string, Held>> {
      const ofKeys = inArray(jobs.keyId, keyIds);
      const by = { keyId: jobs.keyId, childKeyId: jobs.childKeyId };
      const unfinished = await db
        .select({ ...by, ...held })
        .from(jobs)
        .where(and(ofKeys, isUnfinished))
        .groupBy(jobs.keyId, jobs.childKeyId);
      const ending = isPaid
        ? await db
            .select({ ...by, ...heldAtLast })
            .from(runs)
            .innerJoin(jobs, eq(jobs.id, runs.jobId))
            .where(and(ofKeys, isEnding))
            .groupBy(jobs.keyId, jobs.childKeyId)
        : [];
      const byKey = new Map<string, Held>();
      for (const { keyId, childKeyId, ...row } of [...unfinished, ...ending])
        for (const id of [keyId, ...(childKeyId === null ? [] : [childKeyId])])
          byKey.set(id, plus(byKey.get(id), toHeld(row)));
      return byKey;
    },

    /** By all live keys. */
    async heldByAll(): Promise<Held> {
      const isLive = eq(jobs.mode, "live");
      const unfinished = await db.select(held).from(jobs).where(and(isLive, isUnfinished));
      const ending = await db
        .select(heldAtLast)
        .from(runs)
        .innerJoin(jobs, eq(jobs.id, runs.jobId))
        .where(and(isLive, isEnding));
      return [...unfinished, ...ending].map(toHeld).reduce(plus);
    },

    spentByKey: (keyIds: string[], now: Date) => spentByKey(db, keyIds, now),
    spentByAll: (now: Date) => spentByAll(db, now),

    /** What the jobs of child keys took, but for runs that failed by our fault. */
    async gpuSecondsOfChildren(childKeyIds: string[]): Promise<Map<string, number>> {
      const rows = await db
        .select({
          id: jobs.childKeyId,
          seconds: sql<string>`sum(${jobs.billedSeconds} - ${jobs.forgivenSeconds})`,
        })
        .from(jobs)
        .where(inArray(jobs.childKeyId, childKeyIds))
        .groupBy(jobs.childKeyId);
      return new Map(rows.map(({ id, seconds }) => [id ?? "", Number(seconds)]));
    },

    /** Rows whose idempotency key is taken after all are left out. */
    async insert(rows: NewJobRow[], now: Date): Promise<JobRow[]> {
      if (rows.length === 0) return [];
      // In one order: two that make jobs of the same idempotency keys wait for each other's, and never both.
      const ordered = rows.toSorted((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
      const inserted = await db
        .insert(jobs)
        .values(ordered)
        .onConflictDoNothing({ target: [jobs.owner, jobs.idempotencyKey] })
        .returning();
      await addUsage(
        db,
        now,
        inserted.map((job) => ({ ...usageOf(job), jobs: 1 })),
      );
      return inserted;
    },
  };
}

const nameOf = ({ owner, idempotencyKey }: NewJobRow) => `${owner} ${idempotencyKey}`;

const plus = (a: Held | undefined, b: Held): Held =>
  a
    ? {
        inFlight: a.inFlight + b.inFlight,
        queued: a.queued + b.queued,
        gpuSeconds: a.gpuSeconds + b.gpuSeconds,
        usd: a.usd + b.usd,
      }
    : b;
