import type { JobStatus } from "@avatar/contract/types";

/** The only place that knows which moves are legal. */
const NEXT: Record<JobStatus, readonly JobStatus[]> = {
  queued: ["starting", "failed", "canceled"],
  // Back to queued: the run was lost or failed, not the job.
  starting: ["running", "succeeded", "failed", "canceled", "queued"],
  running: ["succeeded", "failed", "canceled", "queued"],
  succeeded: ["expired"],
  failed: [],
  canceled: [],
  expired: [],
};

const STATUSES = Object.keys(NEXT) as JobStatus[];

/** The states from which a job may move to `to`. */
export const allowedFrom = (to: JobStatus): JobStatus[] => STATUSES.filter((from) => NEXT[from].includes(to));

/** Nothing will happen to the job any more, but that its video expires. */
export const isFinal = (status: JobStatus): boolean => !NEXT[status].includes("failed");

export const UNFINISHED = STATUSES.filter((status) => !isFinal(status));
