import type { KeyMode } from "@avatar/contract/api-keys";
import type { ErrorCode } from "@avatar/contract/errors";
import { and, eq, inArray, isNotNull, isNull, lt, sql } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { nextVersion } from "../db/next-version.ts";
import { jobs, runs } from "../db/schema/schema.ts";
import { addUsage, usageOf } from "../db/usage-counters.ts";
import type { RunUsage } from "../engine/engine.ts";
import type { NewId } from "../ids.ts";
import { allowedFrom, UNFINISHED } from "../jobs/job-lifecycle.ts";
import { createClaimRepository } from "./claim-repository.ts";
import type { ClaimedRun } from "./claimed-run-repository.ts";
import { endRun, type RunEnd } from "./end-run-repository.ts";
import { failedAt, failedUsage, type JobFailure } from "./failed-jobs.ts";
import { createLeaseRepository } from "./lease-repository.ts";
import type { RunRef } from "./run-keys.ts";
import type { StoredVideo } from "./stored-video.ts";

export interface RunRepository extends ReturnType<typeof createRunRepository> {}

export function createRunRepository(db: Db, newId: NewId) {
  /** The job changes only while this run is the one that may change it. */
  const heldBy = (runId: string, jobId: string) => and(eq(jobs.id, jobId), eq(jobs.runId, runId));

  async function hasVideo(tx: Db, jobId: string, videoKey: string): Promise<boolean> {
    const rows = await tx
      .select({ id: jobs.id })
      .from(jobs)
      .where(and(eq(jobs.id, jobId), eq(jobs.videoKey, videoKey)));
    return rows.length > 0;
  }

  return {
    ...createLeaseRepository(db),
    ...createClaimRepository(db, newId),

    /** All of `work` happens, or none of it. */
    atomically: <T>(work: (runs: RunRepository) => Promise<T>): Promise<T> =>
      db.transaction((tx) => work(createRunRepository(tx, newId))),

    async setExternalId(runId: string, externalId: string): Promise<void> {
      await db.update(runs).set({ externalId }).where(eq(runs.id, runId));
    },

    /** A worker works on the run: its models may take until `startBy`. */
    async setBegun(run: RunRef, now: Date, startBy: Date): Promise<void> {
      await db.transaction(async (tx) => {
        await tx
          .update(runs)
          .set({ begunAt: now })
          .where(and(eq(runs.id, run.runId), isNull(runs.begunAt)));
        await tx
          .update(jobs)
          .set({ deadlineAt: startBy })
          .where(and(heldBy(run.runId, run.jobId), eq(jobs.status, "starting")));
      });
    },

    /** The run's worker starts from zero. False where that is known, or the job is no longer this run's. */
    async setCold(run: RunRef, now: Date): Promise<boolean> {
      const rows = await db
        .update(jobs)
        .set({ cold: true, version: nextVersion, updatedAt: now })
        .where(and(heldBy(run.runId, run.jobId), eq(jobs.status, "starting"), eq(jobs.cold, false)))
        .returning({ id: jobs.id });
      return rows.length > 0;
    },

    /** False where the job is no longer this run's. */
    async progress(run: ClaimedRun, progress: number, now: Date, runBy: Date): Promise<boolean> {
      const rows = await db
        .update(jobs)
        .set({
          status: "running",
          progress: sql`greatest(${jobs.progress}, ${progress}::real)`,
          version: nextVersion,
          updatedAt: now,
          deadlineAt: sql`case when ${jobs.status} = 'running' then ${jobs.deadlineAt} else ${runBy.toISOString()} end`,
          runningAt: sql`coalesce(${jobs.runningAt}, ${now.toISOString()}::timestamptz)`,
        })
        .where(
          and(heldBy(run.runId, run.jobId), inArray(jobs.status, [...allowedFrom("running"), "running"])),
        )
        .returning({ id: jobs.id });
      return rows.length > 0;
    },

    /** `won` is false where the job is no longer this run's; the video is then nobody's. */
    async succeed(
      run: ClaimedRun,
      videoKey: string,
      video: StoredVideo,
      now: Date,
      usage: RunUsage | undefined,
    ): Promise<{ won: boolean; ended: boolean }> {
      return db.transaction(async (tx) => {
        // The run before its job, as all others do: two that end one run must not wait for each other.
        await tx.select({ id: runs.id }).from(runs).where(eq(runs.id, run.runId)).for("update");
        const moved = await tx
          .update(jobs)
          .set({
            status: "succeeded",
            version: nextVersion,
            updatedAt: now,
            finishedAt: now,
            deadlineAt: null,
            runId: null,
            progress: 1,
            videoKey,
            videoBytes: video.bytes,
            videoSha256: video.sha256,
            videoWidth: video.width,
            videoHeight: video.height,
            videoSeconds: video.seconds,
            videoExpiresAt: new Date(now.getTime() + run.job.ttlSeconds * 1000),
          })
          .where(and(heldBy(run.runId, run.jobId), inArray(jobs.status, allowedFrom("succeeded"))))
          .returning();
        for (const job of moved)
          await addUsage(tx, now, [{ ...usageOf(job), succeeded: 1, videoSeconds: video.seconds }]);
        // The commit of an earlier try may have got through although its answer did not.
        const won = moved.length > 0 || (await hasVideo(tx, run.jobId, videoKey));
        const ended = await endRun(tx, run.runId, { outcome: won ? "succeeded" : "abandoned", now, usage });
        return { won, ended };
      });
    },

    /** Ends the run, and its job with it. False where another had ended the run. */
    async fail(
      run: RunRef,
      end: RunEnd & { outcome: "failed" | "lost" },
      error: JobFailure,
    ): Promise<boolean> {
      const { now } = end;
      return db.transaction(async (tx) => {
        const ended = await endRun(tx, run.runId, { ...end, code: error.code });
        const failed = await tx
          .update(jobs)
          .set({ ...failedAt(now), error })
          .where(and(heldBy(run.runId, run.jobId), inArray(jobs.status, allowedFrom("failed"))))
          .returning();
        await addUsage(tx, now, failed.map(failedUsage));
        return ended;
      });
    },

    /** Ends the run and puts its job back into the queue. False where another had ended the run. */
    async requeue(run: RunRef, end: RunEnd, runAfter: Date, queuedUntil: Date): Promise<boolean> {
      return db.transaction(async (tx) => {
        const ended = await endRun(tx, run.runId, end);
        await tx
          .update(jobs)
          .set({
            status: "queued",
            version: nextVersion,
            updatedAt: end.now,
            deadlineAt: queuedUntil,
            runAfter,
            runId: null,
            cold: false,
            progress: 0,
            runningAt: null,
          })
          .where(and(heldBy(run.runId, run.jobId), inArray(jobs.status, allowedFrom("queued"))));
        return ended;
      });
    },

    /** How the runs of a job have ended so far. */
    async listEnded(jobId: string) {
      return db
        .select({ outcome: runs.outcome, code: runs.code, billedSeconds: runs.billedSeconds })
        .from(runs)
        .where(and(eq(runs.jobId, jobId), isNotNull(runs.outcome)));
    },

    /** False where another had ended it. */
    async abandon(runId: string, now: Date, usage?: RunUsage): Promise<boolean> {
      return db.transaction((tx) => endRun(tx, runId, { outcome: "abandoned", now, usage }));
    },

    /** Fails every job of the mode that has been in its state for too long. */
    async failOverdue(mode: KeyMode, now: Date): Promise<{ jobId: string; code: ErrorCode }[]> {
      return db.transaction(async (tx) => {
        // Without those that another transaction changes: it may in turn wait for one of these.
        const overdue = tx
          .select({ id: jobs.id })
          .from(jobs)
          .where(and(eq(jobs.mode, mode), inArray(jobs.status, UNFINISHED), lt(jobs.deadlineAt, now)))
          .for("update", { skipLocked: true });
        const rows = await tx
          .update(jobs)
          .set({
            ...failedAt(now),
            error: sql`case ${jobs.status}
            when 'queued' then ${failure("queue_timeout", "No worker was free in time.")}
            when 'starting' then ${failure("start_timeout", "The worker did not start in time.")}
            else ${failure("run_timeout", "The render did not finish in time.")} end`,
          })
          .where(inArray(jobs.id, overdue))
          .returning();
        await addUsage(tx, now, rows.map(failedUsage));
        return rows.flatMap(({ id, error }) => (error ? [{ jobId: id, code: error.code }] : []));
      });
    },
  };
}

const failure = (code: ErrorCode, detail: string) => sql`${JSON.stringify({ code, detail })}::jsonb`;
