import type { JobStatus } from "@avatar/contract/types";
import {
  and,
  asc,
  type Column,
  desc,
  eq,
  inArray,
  isNotNull,
  isNull,
  lt,
  or,
  type SQL,
  sql,
} from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { jobs, uploads } from "../db/schema/schema.ts";
import { uploadExpired } from "../uploads/upload-errors.ts";
import { allowedFrom } from "./job-lifecycle.ts";

export type JobRow = typeof jobs.$inferSelect;
export type NewJobRow = typeof jobs.$inferInsert;
export type JobRepository = ReturnType<typeof createJobRepository>;

/** Where a page of jobs ends: newest first, ids break ties. */
export interface JobCursor {
  createdAt: Date;
  id: string;
}

export interface UnfinishedJob {
  id: string;
  owner: string;
  status: "queued" | "starting" | "running";
  audioSeconds: number;
  progress: number;
  startedAt: Date | null;
  runningAt: Date | null;
}

export interface RecentJob {
  audioSeconds: number;
  /** Null where nobody saw it begin to render. */
  startSeconds: number | null;
  runSeconds: number;
}

export function createJobRepository(db: Db) {
  return {
    async find(owner: string, id: string): Promise<JobRow | undefined> {
      const [row] = await db
        .select()
        .from(jobs)
        .where(and(eq(jobs.id, id), eq(jobs.owner, owner)));
      return row;
    },

    async findByIdempotencyKey(owner: string, key: string): Promise<JobRow | undefined> {
      const [row] = await db
        .select()
        .from(jobs)
        .where(and(eq(jobs.owner, owner), eq(jobs.idempotencyKey, key)));
      return row;
    },

    /**
     * Undefined where the owner's idempotency key is taken. Waits for a concurrent insert of the same key to commit,
     * so a read afterwards finds its row.
     * @throws AppError `upload_expired` where an upload was deleted in the meantime
     */
    async insert(row: NewJobRow): Promise<JobRow | undefined> {
      return db.transaction(async (tx) => {
        await keepUploads(tx, [row.imageUploadId, row.audioUploadId]);
        const [inserted] = await tx
          .insert(jobs)
          .values(row)
          .onConflictDoNothing({ target: [jobs.owner, jobs.idempotencyKey] })
          .returning();
        return inserted;
      });
    },

    /** Gives a key back that is older than `createdBefore`. */
    async freeIdempotencyKey(owner: string, key: string, createdBefore: Date): Promise<void> {
      await db
        .update(jobs)
        .set({ idempotencyKey: null })
        .where(and(eq(jobs.owner, owner), eq(jobs.idempotencyKey, key), lt(jobs.createdAt, createdBefore)));
    },

    async list(
      owner: string,
      limit: number,
      status: JobStatus | undefined,
      after: JobCursor | undefined,
    ): Promise<JobRow[]> {
      return db
        .select()
        .from(jobs)
        .where(
          and(
            eq(jobs.owner, owner),
            status && eq(jobs.status, status),
            after &&
              or(
                lt(jobs.createdAt, after.createdAt),
                and(eq(jobs.createdAt, after.createdAt), lt(jobs.id, after.id)),
              ),
          ),
        )
        .orderBy(desc(jobs.createdAt), desc(jobs.id))
        .limit(limit);
    },

    /** The oldest `limit` jobs that are not over, oldest first. */
    async listUnfinished(limit: number): Promise<UnfinishedJob[]> {
      const { id, owner, status, audioSeconds, progress, startedAt, runningAt } = jobs;
      const rows = await db
        .select({ id, owner, status, audioSeconds, progress, startedAt, runningAt })
        .from(jobs)
        .where(isNotNull(jobs.deadlineAt))
        .orderBy(asc(jobs.createdAt), asc(jobs.id))
        .limit(limit);
      return rows as UnfinishedJob[];
    },

    /** The latest `limit` jobs that succeeded. */
    async listRecent(limit: number): Promise<RecentJob[]> {
      const seconds = (from: SQL | Column, to: SQL | Column) =>
        sql<number>`extract(epoch from ${to} - ${from})::double precision`;
      const { startedAt, runningAt, finishedAt } = jobs;
      return db
        .select({
          audioSeconds: jobs.audioSeconds,
          startSeconds: seconds(startedAt, runningAt) as SQL<number | null>,
          runSeconds: seconds(sql`coalesce(${runningAt}, ${startedAt})`, finishedAt),
        })
        .from(jobs)
        .where(and(isNotNull(jobs.videoBytes), isNotNull(startedAt), isNotNull(finishedAt)))
        .orderBy(desc(finishedAt))
        .limit(limit);
    },

    /** Ends a job from outside its run. Undefined where the move is not legal; the database decides races. */
    async end(owner: string, id: string, to: "canceled" | "expired", now: Date): Promise<JobRow | undefined> {
      const [row] = await db
        .update(jobs)
        .set({
          status: to,
          version: sql`${jobs.version} + 1`,
          updatedAt: now,
          ...(to === "canceled" && { finishedAt: now, deadlineAt: null, runId: null }),
          // Should its video not be deleted right away, the sweeper finds it.
          ...(to === "expired" && { videoExpiresAt: now }),
        })
        .where(and(eq(jobs.id, id), eq(jobs.owner, owner), inArray(jobs.status, allowedFrom(to))))
        .returning();
      return row;
    },
  };
}

/** Nobody deletes these uploads until the transaction ends. @throws AppError `upload_expired` */
async function keepUploads(tx: Db, ids: string[]): Promise<void> {
  const kept = await tx
    .select({ id: uploads.id })
    .from(uploads)
    .where(and(inArray(uploads.id, ids), isNull(uploads.deletedAt)))
    .orderBy(asc(uploads.id))
    .for("share");
  const gone = ids.find((id) => !kept.some((row) => row.id === id));
  if (gone !== undefined) throw uploadExpired(gone);
}
