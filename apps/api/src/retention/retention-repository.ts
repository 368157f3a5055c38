import { and, asc, eq, gt, gte, inArray, isNotNull, isNull, lt, notExists, or, sql } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { apiKeys, jobs, requestWindows, runs, uploads } from "../db/schema/schema.ts";
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
    /** Ends jobs whose videos' time is up. @returns their ids */
    async expireJobs(now: Date, limit: number): Promise<string[]> {
      const due = db
        .select({ id: jobs.id })
        .from(jobs)
        .where(and(eq(jobs.status, "succeeded"), isNotNull(jobs.videoKey), lt(jobs.videoExpiresAt, now)))
        .limit(limit);
      const rows = await db
        .update(jobs)
        .set({ status: "expired", version: sql`${jobs.version} + 1`, updatedAt: now })
        .where(and(inArray(jobs.id, due), eq(jobs.status, "succeeded")))
        .returning({ id: jobs.id });
      return rows.map((row) => row.id);
    },

    /** Videos of expired jobs. This, and all that follow here, in the order of their ids. */
    async dueVideos(now: Date, afterId: string, limit: number) {
      return db
        .select({ id: jobs.id, videoKey: sql<string>`${jobs.videoKey}` })
        .from(jobs)
        .where(
          and(
            isNotNull(jobs.videoKey),
            lt(jobs.videoExpiresAt, now),
            eq(jobs.status, "expired"),
            gt(jobs.id, afterId),
          ),
        )
        .orderBy(asc(jobs.id))
        .limit(limit);
    },

    /** To be called once the objects are gone. */
    async forgetVideos(jobIds: string[]): Promise<void> {
      await db.update(jobs).set({ videoKey: null }).where(inArray(jobs.id, jobIds));
    },

    /** Ended runs that may have left objects: a claim, and a video that nobody wants. */
    async dueRuns(now: Date, afterId: string, limit: number) {
      return db
        .select({ id: runs.id, jobId: runs.jobId, outcome: runs.outcome })
        .from(runs)
        .where(and(lt(runs.sweepAt, now), gt(runs.id, afterId)))
        .orderBy(asc(runs.id))
        .limit(limit);
    },

    /** To be called once the objects are gone. */
    async setRunsSwept(runIds: string[]): Promise<void> {
      await db.update(runs).set({ sweepAt: null }).where(inArray(runs.id, runIds));
    },

    async dueUploads(expiredBefore: Date, afterId: string, limit: number) {
      return db
        .select({ id: uploads.id })
        .from(uploads)
        .where(
          and(
            lt(uploads.expiresAt, expiredBefore),
            // Deleted while its link still worked: once more, in case the link was used again.
            or(isNull(uploads.deletedAt), lt(uploads.deletedAt, uploads.expiresAt)),
            notExists(neededByUnfinishedJob),
            gt(uploads.id, afterId),
          ),
        )
        .orderBy(asc(uploads.id))
        .limit(limit);
    },

    /** Uploads whose parts were not joined in their time. */
    async dueParts(expiredBefore: Date, limit: number) {
      return db
        .select({ id: uploads.id, token: sql<string>`${uploads.partsToken}` })
        .from(uploads)
        .where(
          and(
            isNotNull(uploads.partsToken),
            lt(uploads.expiresAt, expiredBefore),
            or(isNull(uploads.deletedAt), lt(uploads.deletedAt, uploads.expiresAt)),
          ),
        )
        .limit(limit);
    },

    async forgetParts(uploadId: string): Promise<void> {
      await db.update(uploads).set({ partsToken: null }).where(eq(uploads.id, uploadId));
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

    /** Deletes the rows of jobs, runs and uploads that ended before `time` and have no objects. @returns how many */
    async deleteRows(time: Date, limit: number): Promise<number> {
      const old = await db
        .select({ id: jobs.id })
        .from(jobs)
        .where(
          and(
            lt(jobs.finishedAt, time),
            isNull(jobs.videoKey),
            notExists(
              db
                .select({ id: runs.id })
                .from(runs)
                .where(and(eq(runs.jobId, jobs.id), isNotNull(runs.sweepAt))),
            ),
          ),
        )
        .limit(limit);
      const jobIds = old.map((job) => job.id);
      if (jobIds.length > 0)
        await db.transaction(async (tx) => {
          await tx.delete(runs).where(inArray(runs.jobId, jobIds));
          await tx.delete(jobs).where(inArray(jobs.id, jobIds));
        });
      const oldUploads = db
        .select({ id: uploads.id })
        .from(uploads)
        .where(and(lt(uploads.deletedAt, time), gte(uploads.deletedAt, uploads.expiresAt)))
        .limit(limit);
      const deleted = await db
        .delete(uploads)
        .where(inArray(uploads.id, oldUploads))
        .returning({ id: uploads.id });
      return Math.max(jobIds.length, deleted.length);
    },

    /** Deletes child keys and counts of requests that were over at `time`. @returns how many, of the kind with more */
    async deleteKeyRows(time: Date, limit: number): Promise<number> {
      const children = db
        .select({ id: apiKeys.id })
        .from(apiKeys)
        .where(and(isNotNull(apiKeys.parentId), lt(apiKeys.expiresAt, time)))
        .limit(limit);
      const windows = db
        .select({ id: requestWindows.keyId })
        .from(requestWindows)
        .where(lt(requestWindows.startedAt, time))
        .limit(limit);
      const gone = [
        await db.delete(apiKeys).where(inArray(apiKeys.id, children)).returning({ id: apiKeys.id }),
        await db
          .delete(requestWindows)
          // Once more, as one that is in use again is not to be forgotten.
          .where(and(inArray(requestWindows.keyId, windows), lt(requestWindows.startedAt, time)))
          .returning({ id: requestWindows.keyId }),
      ];
      return Math.max(...gone.map((rows) => rows.length));
    },
  };
}
