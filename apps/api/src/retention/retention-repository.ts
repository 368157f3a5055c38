import { and, asc, eq, inArray, isNotNull, isNull, lt, notExists, or, sql } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { jobs, runs, uploads } from "../db/schema/schema.ts";
import { UNFINISHED } from "../jobs/job-lifecycle.ts";

export type RetentionRepository = ReturnType<typeof createRetentionRepository>;

export function createRetentionRepository(db: Db) {
  const neededByUnfinishedJob = db
    .select({ id: jobs.id })
    .from(jobs)
    .where(
      and(
        inArray(jobs.status, UNFINISHED),
        or(eq(jobs.imageUploadId, uploads.id), eq(jobs.audioUploadId, uploads.id)),
      ),
    );

  return {
    /** Videos whose time is up, and those of jobs that expired before their object was deleted. */
    async dueVideos(now: Date, limit: number) {
      return db
        .select({ jobId: jobs.id, owner: jobs.owner, videoKey: sql<string>`${jobs.videoKey}` })
        .from(jobs)
        .where(and(isNotNull(jobs.videoKey), lt(jobs.videoExpiresAt, now)))
        .orderBy(asc(jobs.videoExpiresAt))
        .limit(limit);
    },

    async expireJobs(jobIds: string[], now: Date): Promise<void> {
      await db
        .update(jobs)
        .set({ status: "expired", version: sql`${jobs.version} + 1`, updatedAt: now })
        .where(and(inArray(jobs.id, jobIds), eq(jobs.status, "succeeded")));
    },

    /** To be called once the objects are gone. */
    async forgetVideos(jobIds: string[]): Promise<void> {
      await db.update(jobs).set({ videoKey: null }).where(inArray(jobs.id, jobIds));
    },

    /** Ended runs without success, whose video nobody wants. */
    async dueRuns(now: Date, limit: number) {
      return db
        .select({ runId: runs.id, jobId: runs.jobId })
        .from(runs)
        .where(lt(runs.sweepAt, now))
        .orderBy(asc(runs.sweepAt))
        .limit(limit);
    },

    /** To be called once the objects are gone. */
    async setRunsSwept(runIds: string[]): Promise<void> {
      await db.update(runs).set({ sweepAt: null }).where(inArray(runs.id, runIds));
    },

    async dueUploads(expiredBefore: Date, limit: number): Promise<string[]> {
      const rows = await db
        .select({ id: uploads.id })
        .from(uploads)
        .where(
          and(
            lt(uploads.expiresAt, expiredBefore),
            // Deleted while its link still worked: once more, in case the link was used again.
            or(isNull(uploads.deletedAt), lt(uploads.deletedAt, uploads.expiresAt)),
            notExists(neededByUnfinishedJob),
          ),
        )
        .limit(limit);
      return rows.map((row) => row.id);
    },

    /**
     * Of these uploads, takes those that no unfinished job needs; their objects are to be deleted then. They count as
     * deleted within their time, so that the sweep comes back to them should that be interrupted.
     */
    async takeUnneeded(uploadIds: string[], now: Date): Promise<string[]> {
      return db.transaction(async (tx) => {
        const chosen = inArray(uploads.id, uploadIds);
        // A job that is just being made keeps its uploads; the statement after this lock sees that job.
        await tx
          .select({ id: uploads.id })
          .from(uploads)
          .where(chosen)
          .orderBy(asc(uploads.id))
          .for("update");
        const rows = await tx
          .update(uploads)
          .set({ deletedAt: sql`least(${now.toISOString()}, ${uploads.expiresAt} - interval '1 ms')` })
          .where(and(chosen, isNull(uploads.deletedAt), notExists(neededByUnfinishedJob)))
          .returning({ id: uploads.id });
        return rows.map((row) => row.id);
      });
    },

    async setUploadsDeleted(uploadIds: string[], now: Date): Promise<void> {
      await db.update(uploads).set({ deletedAt: now }).where(inArray(uploads.id, uploadIds));
    },
  };
}
