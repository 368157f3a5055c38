import type { KeyLimits } from "@avatar/client";

/** What each limit of a key counts. */
export const LIMIT_UNITS: Record<keyof KeyLimits, string> = {
  requestsPerMinute: "requests a minute",
  jobsInFlight: "unfinished jobs",
  jobsQueued: "jobs in the queue",
  gpuSecondsPerDay: "GPU seconds a day",
  usdPerDay: "dollars a day",
  usdPerMonth: "dollars a month",
};
