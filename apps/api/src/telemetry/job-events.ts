import type { KeyMode } from "@avatar/contract/api-keys";
import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";

interface Job {
  id: string;
  mode: KeyMode;
}

export type JobEvents = ReturnType<typeof createJobEvents>;

/** What customers do to jobs. */
export const createJobEvents = (log: Logger, metrics: Metrics) => ({
  jobCreated({ id, mode }: Job, requestId: string): void {
    log.info({ requestId, jobId: id, mode }, "a job was made");
    metrics.jobsCreated.inc({ mode });
  },

  jobCanceled({ id, mode }: Job): void {
    log.info({ jobId: id, mode }, "a job was canceled");
    metrics.canceledJobs.inc({ mode });
  },
});
