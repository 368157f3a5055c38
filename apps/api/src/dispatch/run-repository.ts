import type { ErrorCode } from "@avatar/contract/errors";
import { and, count, eq, inArray, isNull, lt, sql } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import type { RunOutcome } from "../db/schema/runs.ts";
import { jobs, runs } from "../db/schema/schema.ts";
import type { NewId } from "../ids.ts";
import { allowedFrom, UNFINISHED } from "../jobs/job-lifecycle.ts";
import type { JobRow } from "../jobs/job-repository.ts";
import { lockNextJobs } from "./queue-repository.ts";
import type { RunRef } from "./run-keys.ts";
import type { StoredVideo } from "./stored-video.ts";

export interface ClaimedRun extends RunRef {
  job: JobRow;
}

/** Leases are in the database's time, so that replicas need no common clock. */
const leaseEnd = (leaseMs: number) => sql`clock_timestamp() + make_interval(secs => ${leaseMs / 1000})`;

/** The process of a lost run may live on, and still put a video that nobody wants. */
const LATE_WRITE_MS = 600_000;

const nextVersion = sql`${jobs.version} + 1`;

export interface RunRepository extends ReturnType<typeof createRunRepository> {}

export function createRunRepository(db: Db, newId: NewId) {
  /** The job changes only while this run is the one that may change it. */
  const heldBy = (runId: string, jobId: string) => and(eq(jobs.id, jobId), eq(jobs.runId, runId));

  const endRun = (tx: Db, runId: string, outcome: RunOutcome, reason: string | null, now: Date) =>
    tx
      .update(runs)
      .set({
        outcome,
        reason,
        endedAt: now,
        sweepAt: new Date(now.getTime() + LATE_WRITE_MS),
      })
      .where(and(eq(runs.id, runId), isNull(runs.outcome)));

  /** Those runs that still may change their job. */
  async function holding(runIds: string[]): Promise<string[]> {
    if (runIds.length === 0) return [];
    const rows = await db.select({ runId: jobs.runId }).from(jobs).where(inArray(jobs.runId, runIds));
    return rows.flatMap((row) => row.runId ?? []);
  }

  async function hasVideo(tx: Db, jobId: string, videoKey: string): Promise<boolean> {
    const rows = await tx
      .select({ id: jobs.id })
      .from(jobs)
      .where(and(eq(jobs.id, jobId), eq(jobs.videoKey, videoKey)));
    return rows.length > 0;
  }

  return {
    /** All of `work` happens, or none of it. */
    atomically: <T>(work: (runs: RunRepository) => Promise<T>): Promise<T> =>
      db.transaction((tx) => work(createRunRepository(tx, newId))),

    /**
     * Takes up to `limit` queued jobs, each with a new run under this process's lease.
     */
    async claim(
      limit: number,
      leaseOwner: string,
      leaseMs: number,
      deadlines: Deadlines,
    ): Promise<ClaimedRun[]> {
      const { now, engine, startBy } = deadlines;
      return db.transaction(async (tx) => {
        const picked = await lockNextJobs(tx, limit, now);
        const claimed: ClaimedRun[] = [];
        for (const { id } of picked) {
          const runId = newId("run");
          const [job] = await tx
            .update(jobs)
            .set({
              status: "starting",
              version: nextVersion,
              updatedAt: now,
              deadlineAt: startBy,
              runId,
              progress: 0,
              startedAt: now,
            })
            .where(eq(jobs.id, id))
            .returning();
          if (!job) continue;
          await tx.insert(runs).values({
            id: runId,
            jobId: id,
            engine,
            leaseOwner,
            leaseUntil: leaseEnd(leaseMs),
            startedAt: now,
          });
          claimed.push({ runId, jobId: id, job });
        }
        return claimed;
      });
    },

    /** @returns those of `runIds` that still may change their job. */
    async renewLeases(runIds: string[], leaseMs: number): Promise<string[]> {
      await db
        .update(runs)
        .set({ leaseUntil: leaseEnd(leaseMs) })
        .where(and(inArray(runs.id, runIds), isNull(runs.outcome)));
      return holding(runIds);
    },

    /** False where the job is no longer this run's. */
    async progress(run: ClaimedRun, progress: number, now: Date, runBy: Date): Promise<boolean> {
      const rows = await db
        .update(jobs)
        .set({ status: "running", progress, version: nextVersion, updatedAt: now, deadlineAt: runBy })
        .where(
          and(heldBy(run.runId, run.jobId), inArray(jobs.status, [...allowedFrom("running"), "running"])),
        )
        .returning({ id: jobs.id });
      return rows.length > 0;
    },

    /** False where the job is no longer this run's; the video is then nobody's. */
    async succeed(run: ClaimedRun, videoKey: string, video: StoredVideo, now: Date): Promise<boolean> {
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
          .returning({ id: jobs.id });
        // The commit of an earlier try may have got through although its answer did not.
        const won = moved.length > 0 || (await hasVideo(tx, run.jobId, videoKey));
        await endRun(tx, run.runId, won ? "succeeded" : "abandoned", null, now);
        return won;
      });
    },

    /** Ends the run, and its job with it. */
    async fail(
      run: RunRef,
      outcome: "failed" | "lost",
      error: JobFailure,
      reason: string,
      now: Date,
    ): Promise<void> {
      await db.transaction(async (tx) => {
        await endRun(tx, run.runId, outcome, reason, now);
        await tx
          .update(jobs)
          .set({
            status: "failed",
            version: nextVersion,
            updatedAt: now,
            finishedAt: now,
            deadlineAt: null,
            runId: null,
            error,
          })
          .where(and(heldBy(run.runId, run.jobId), inArray(jobs.status, allowedFrom("failed"))));
      });
    },

    /** Ends the run and puts its job back into the queue. */
    async requeue(run: RunRef, outcome: RunOutcome, reason: string | null, times: QueueTimes): Promise<void> {
      await db.transaction(async (tx) => {
        await endRun(tx, run.runId, outcome, reason, times.now);
        await tx
          .update(jobs)
          .set({
            status: "queued",
            version: nextVersion,
            updatedAt: times.now,
            deadlineAt: times.queuedUntil,
            runAfter: times.runAfter,
            runId: null,
            cold: false,
            progress: 0,
          })
          .where(and(heldBy(run.runId, run.jobId), inArray(jobs.status, allowedFrom("queued"))));
      });
    },

    async countOutcomes(jobId: string, outcome: RunOutcome): Promise<number> {
      const [row] = await db
        .select({ n: count() })
        .from(runs)
        .where(and(eq(runs.jobId, jobId), eq(runs.outcome, outcome)));
      return row?.n ?? 0;
    },

    /** Runs that nobody follows any more, locked until the transaction ends: only one replica gets each. */
    async lockUnfollowed(limit: number): Promise<(RunRef & { jobWaits: boolean })[]> {
      const open = await db
        .select({ runId: runs.id, jobId: runs.jobId })
        .from(runs)
        .where(and(isNull(runs.outcome), lt(runs.leaseUntil, sql`clock_timestamp()`)))
        .limit(limit)
        .for("update", { skipLocked: true });
      const held = await holding(open.map((run) => run.runId));
      return open.map((run) => ({ ...run, jobWaits: held.includes(run.runId) }));
    },

    async abandon(runId: string, now: Date): Promise<void> {
      await endRun(db, runId, "abandoned", null, now);
    },

    /** Fails every job that has been in its state for too long. @returns their ids */
    async failOverdue(now: Date): Promise<string[]> {
      const rows = await db
        .update(jobs)
        .set({
          status: "failed",
          version: nextVersion,
          updatedAt: now,
          finishedAt: now,
          deadlineAt: null,
          runId: null,
          error: sql`case ${jobs.status}
            when 'queued' then ${failure("queue_timeout", "No worker was free in time.")}
            when 'starting' then ${failure("start_timeout", "The worker did not start in time.")}
            else ${failure("run_timeout", "The render did not finish in time.")} end`,
        })
        .where(and(inArray(jobs.status, UNFINISHED), lt(jobs.deadlineAt, now)))
        .returning({ id: jobs.id });
      return rows.map((row) => row.id);
    },
  };
}

export interface JobFailure {
  code: ErrorCode;
  detail: string;
}

interface Deadlines {
  now: Date;
  startBy: Date;
  engine: string;
}

interface QueueTimes {
  now: Date;
  runAfter: Date;
  queuedUntil: Date;
}

const failure = (code: ErrorCode, detail: string) => sql`${JSON.stringify({ code, detail })}::jsonb`;
