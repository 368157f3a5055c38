import { ERRORS, type ErrorCode } from "@avatar/contract/errors";
import { nextVersion } from "../db/next-version.ts";
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

export const isOurFault = ({ code }: JobFailure) => ERRORS[code].status >= 500;

/** What it took counts for no quota where it was our fault. */
export const failedUsage = (job: JobRow) => ({
  ...usageOf(job),
  failed: 1,
  forgivenGpuSeconds: job.error && isOurFault(job.error) ? job.billedSeconds : 0,
});
