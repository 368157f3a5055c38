import { Counter, Histogram, type Registry } from "prom-client";

/** Of answers, and of the looks at a job's place in the queue. */
const REQUEST_SECONDS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
/** From a preview of a second to the longest render. */
const JOB_SECONDS = [1, 5, 15, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 21_600];

/** What this process counts. To be summed over processes. */
export function createCounters(registers: Registry[]) {
  return {
    jobsCreated: new Counter({
      name: "avatar_jobs_created_total",
      help: "Jobs that were made, by mode of the key",
      labelNames: ["mode"],
      registers,
    }),
    canceledJobs: new Counter({
      name: "avatar_jobs_canceled_total",
      help: "Jobs that their customers canceled, by mode of the key",
      labelNames: ["mode"],
      registers,
    }),
    failedJobs: new Counter({
      name: "avatar_jobs_failed_total",
      help: "Jobs that failed for good, by mode of the key and error code",
      labelNames: ["mode", "code"],
      registers,
    }),
    queueWait: new Histogram({
      name: "avatar_queue_wait_seconds",
      help: "How long jobs waited for each of their runs, by mode of the key",
      labelNames: ["mode"],
      buckets: JOB_SECONDS,
      registers,
    }),
    runs: new Counter({
      name: "avatar_runs_total",
      help: "Runs that ended, by engine, mode of the key, outcome, and the error code of those that failed",
      labelNames: ["engine", "mode", "outcome", "code"],
      registers,
    }),
    runSeconds: new Histogram({
      name: "avatar_run_duration_seconds",
      help: "How long runs took from their claim to their end, by engine and outcome",
      labelNames: ["engine", "outcome"],
      buckets: JOB_SECONDS,
      registers,
    }),
    startSeconds: new Histogram({
      name: "avatar_run_start_seconds",
      help: "How long runs took from their claim until they were rendered, by engine",
      labelNames: ["engine"],
      buckets: JOB_SECONDS,
      registers,
    }),
    coldStarts: new Counter({
      name: "avatar_cold_starts_total",
      help: "Runs that waited for a worker to wake or to load its models, by engine",
      labelNames: ["engine"],
      registers,
    }),
    gpuSeconds: new Counter({
      name: "avatar_gpu_seconds_total",
      help: "Seconds of runs that the engine bills",
      labelNames: ["engine"],
      registers,
    }),
    costUsd: new Counter({
      name: "avatar_cost_usd_total",
      help: "What these seconds cost, in dollars",
      labelNames: ["engine"],
      registers,
    }),
    budgetWarnings: new Counter({
      name: "avatar_budget_warnings_total",
      help: "Budgets that were spent to a share, by whose they are; each is counted by one process, once in its day or month",
      labelNames: ["of", "span", "share"],
      registers,
    }),
    requestSeconds: new Histogram({
      name: "avatar_http_request_duration_seconds",
      help: "How long requests took, by method, pattern of the route, class of the status, and load: work, uploads, or what waits",
      labelNames: ["method", "route", "status_class", "load"],
      buckets: REQUEST_SECONDS,
      registers,
    }),
    errors: new Counter({
      name: "avatar_errors_total",
      help: "Calls that were answered with an error, by its code and the class of its status",
      labelNames: ["code", "status_class"],
      registers,
    }),
    refusals: new Counter({
      name: "avatar_refusals_total",
      help: "Calls that ran into a limit, by error code, name of the limit, and whose it is",
      labelNames: ["code", "limit", "of"],
      registers,
    }),
  };
}
