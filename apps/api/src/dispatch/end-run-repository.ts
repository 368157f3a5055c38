import type { ErrorCode } from "@avatar/contract/errors";
import { and, eq, isNull, sql } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import type { RunOutcome } from "../db/schema/runs.ts";
import { jobs, runs } from "../db/schema/schema.ts";
import { addUsage, usageOf } from "../db/usage-counters.ts";
import type { RunUsage } from "../engine/engine.ts";
import { isForgiven } from "./failed-jobs.ts";

/** The process of a lost run may live on, and still put a video that nobody wants. */
const LATE_WRITE_MS = 600_000;

export interface RunEnd {
  outcome: RunOutcome;
  code?: ErrorCode;
  /** For the operator. */
  reason?: string;
  now: Date;
  usage?: RunUsage | undefined;
}

/** False where another had ended it. An earlier try of the same call counts as this one. */
export async function endRun(tx: Db, runId: string, end: RunEnd): Promise<boolean> {
  const { outcome, code = null, reason = null, now } = end;
  const { billedSeconds = 0, pricePerSecond = 0 } = end.usage ?? {};
  const costUsd = billedSeconds * pricePerSecond;
  const lateWrite = sql`make_interval(secs => ${LATE_WRITE_MS / 1000})`;
  const sweepAt = sql`greatest(${now.toISOString()}::timestamptz, ${runs.linksUntil}) + ${lateWrite}`;
  const [ended] = await tx
    .update(runs)
    .set({ outcome, code, reason, endedAt: now, sweepAt, billedSeconds, costUsd })
    .where(and(eq(runs.id, runId), isNull(runs.outcome)))
    .returning({ jobId: runs.jobId });
  if (!ended) {
    const [run] = await tx
      .select({ outcome: runs.outcome, endedAt: runs.endedAt })
      .from(runs)
      .where(eq(runs.id, runId));
    return run?.outcome === outcome && run.endedAt?.getTime() === now.getTime();
  }
  if (billedSeconds === 0) return true;
  const [job] = await tx.select().from(jobs).where(eq(jobs.id, ended.jobId)).for("update");
  if (!job) return true;
  const [forgivenSeconds, forgivenUsd] = isForgiven({ outcome, code }, job)
    ? [billedSeconds, costUsd]
    : [0, 0];
  await tx
    .update(jobs)
    .set({
      billedSeconds: job.billedSeconds + billedSeconds,
      forgivenSeconds: job.forgivenSeconds + forgivenSeconds,
      costUsd: job.costUsd + costUsd,
    })
    .where(eq(jobs.id, job.id));
  const billed = { gpuSeconds: billedSeconds, costUsd };
  const forgiven = { forgivenGpuSeconds: forgivenSeconds, forgivenUsd };
  await addUsage(tx, now, [{ ...usageOf(job), ...billed, ...forgiven }]);
  return true;
}
