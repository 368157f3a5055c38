import type { KeyMode } from "@avatar/contract/api-keys";
import type { ErrorCode } from "@avatar/contract/errors";
import type { AuditAction } from "../db/schema/audit-events.ts";
import type { RunOutcome } from "../db/schema/runs.ts";
import type { RunUsage } from "../engine/engine.ts";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";
import type { Tracing } from "./tracing.ts";

interface Run {
  jobId: string;
  runId: string;
  startedAt: Date;
  /** Of a run that this process followed. */
  job?: { keyId: string };
}

interface FollowedRun extends Run {
  job: { keyId: string; requestId: string | null; traceparent: string | null; runAfter: Date };
  /** Undefined where nobody followed it before. */
  resumed: object | undefined;
}

interface Where {
  engine: string;
  mode: KeyMode;
  /** Something was billed for a run of this key, and that is stored. */
  onBill: (keyId: string) => void;
  now: () => Date;
}

interface Failure {
  code: ErrorCode;
  error: unknown;
  /** What comes of it: another run, a job whose files are at fault, or one that we failed. */
  next: "retry" | "refusal" | "failure";
}

export type Events = ReturnType<typeof createEvents>;

export type KeyEvents = ReturnType<typeof createKeyEvents>;

export const createKeyEvents = (log: Logger) => ({
  /** @param actor the id of the key that asked, `cli` or `server` */
  keyChanged(change: AuditAction, keyId: string, actor: string): void {
    log.info({ keyId, actor }, `a key was ${change}`);
  },
});

interface Deps {
  log: Logger;
  metrics: Metrics;
  tracing: Tracing;
}

/** What happens to runs and their jobs, one function each: a line for the operator, the metrics, and the trace. */
export function createEvents({ log, metrics, tracing }: Deps, { engine, mode, onBill, now }: Where) {
  const secondsSince = (time: Date) => Math.max(now().getTime() - time.getTime(), 0) / 1000;
  metrics.coldStarts.inc({ engine }, 0);

  function count(
    { job, startedAt }: Run,
    outcome: RunOutcome,
    usage?: RunUsage,
    code: ErrorCode | "" = "",
  ): void {
    metrics.runs.inc({ engine, mode, outcome, code });
    metrics.runSeconds.observe({ engine, outcome }, secondsSince(startedAt));
    tracing.note(
      { "avatar.run.outcome": outcome, "avatar.run.billed_seconds": usage?.billedSeconds },
      code || undefined,
    );
    if (!usage) return;
    if (job && usage.billedSeconds > 0) onBill(job.keyId);
    metrics.gpuSeconds.inc({ engine }, usage.billedSeconds);
    metrics.costUsd.inc({ engine }, usage.billedSeconds * usage.pricePerSecond);
  }

  return {
    /** A run begins, or is taken up: all that `follow` does belongs to it. */
    async following(run: FollowedRun, follow: () => Promise<void>): Promise<void> {
      const { jobId, runId, startedAt } = run;
      const { requestId, traceparent, runAfter } = run.job;
      log.info({ requestId, jobId, runId, engine }, run.resumed ? "a run was taken up" : "a run began");
      const parent = traceparent ?? undefined;
      const attributes = { "avatar.job.id": jobId, "avatar.run.id": runId, "avatar.engine": engine };
      if (!run.resumed) {
        const waitedMs = Math.max(startedAt.getTime() - runAfter.getTime(), 0);
        metrics.queueWait.observe({ mode }, waitedMs / 1000);
        const since = new Date(startedAt.getTime() - waitedMs);
        tracing.record("queue wait", since, startedAt, { parent, attributes });
      }
      const span = tracing.begin("run", { parent, startedAt, attributes });
      await span.run(follow).finally(() => span.end());
    },

    /** Its worker wakes, or loads its models. */
    runCold(): void {
      metrics.coldStarts.inc({ engine });
      tracing.note({ "avatar.run.cold": true });
    },

    runRenders({ startedAt }: Run): void {
      metrics.startSeconds.observe({ engine }, secondsSince(startedAt));
    },

    /** `won` is false where its job had been given up in the meantime, `ended` where the run had been, and was counted. */
    runSucceeded(
      run: Run,
      { won, ended }: { won: boolean; ended: boolean },
      ms: number,
      usage?: RunUsage,
    ): void {
      log.info({ jobId: run.jobId, runId: run.runId, won, ms, ...usage }, "a run succeeded");
      if (ended) count(run, won ? "succeeded" : "abandoned", usage);
    },

    runFailed(run: Run, { code, error, next }: Failure, usage: RunUsage | undefined): void {
      const facts = { jobId: run.jobId, runId: run.runId, code };
      if (next === "retry") log.warn({ ...facts, err: error }, "a run failed; it is tried again");
      else if (next === "refusal") log.info(facts, "a run failed on its input");
      else if (mode === "test") log.info(facts, "a run of a test key failed");
      else log.error({ ...facts, err: error }, "a run failed for good");
      count(run, "failed", usage, code);
      if (next !== "retry") metrics.failedJobs.inc({ mode, code });
    },

    /** Its job was canceled, or was overdue. */
    runAbandoned(run: Run, usage?: RunUsage): void {
      log.info({ jobId: run.jobId, runId: run.runId, ...usage }, "a run was stopped");
      count(run, "abandoned", usage);
    },

    runReleased(run: Run, reason: string, usage?: RunUsage): void {
      const { jobId, runId } = run;
      log.info({ jobId, runId, reason, ...usage }, "a run was given back, and its job waits again");
      count(run, "released", usage);
    },

    /** @param isOver after too many of them the job fails */
    runLost(run: Run, isOver: boolean): void {
      log.warn({ jobId: run.jobId, runId: run.runId, isOver }, "a run was lost");
      count(run, "lost");
      if (isOver) metrics.failedJobs.inc({ mode, code: "run_lost" });
    },

    /** Nothing was left of a budget when its turn came. */
    jobRefused(jobId: string): void {
      log.warn({ jobId, code: "budget_exhausted" }, "a job failed, as a budget is used up");
      metrics.failedJobs.inc({ mode, code: "budget_exhausted" });
    },

    jobOverdue(jobId: string, code: ErrorCode): void {
      log.warn({ jobId, code }, "a job was in one state for too long");
      metrics.failedJobs.inc({ mode, code });
    },
  };
}
