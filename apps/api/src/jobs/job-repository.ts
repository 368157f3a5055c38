import type { JobStatus } from "@avatar/contract/types";
import { and, asc, desc, eq, inArray, isNull, lt, or, sql } from "drizzle-orm";
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
