import { ERRORS, type ErrorCode } from "@avatar/contract/errors";
import { nextVersion } from "../db/next-version.ts";
import type { RunOutcome } from "../db/schema/runs.ts";
import { usageOf } from "../db/usage-counters.ts";
import type { JobRow } from "../jobs/job-repository.ts";

export interface JobFailure {
  code: ErrorCode;
  detail: string;
}

/** The columns of a job that has failed, beside its error. */
export const failedAt = (now: Date) =>
  ({
    status: "failed",
    version: nextVersion,
    updatedAt: now,
    finishedAt: now,
    deadlineAt: null,
    runId: null,
  }) as const;

export const failedUsage = (job: JobRow) => ({ ...usageOf(job), failed: 1 });

/**
 * Whether what a run took counts for no key: it failed by our fault, or its job had, by its deadline. So it stays, whatever
 * becomes of the job.
 */
export function isForgiven(run: { outcome: RunOutcome; code: ErrorCode | null }, job: JobRow): boolean {
  if (run.outcome === "lost" || run.outcome === "released") return true;
  const code = run.code ?? job.error?.code;
  return code !== undefined && ERRORS[code].status >= 500;
}
