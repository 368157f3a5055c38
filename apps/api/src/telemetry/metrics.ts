import { Counter, Gauge, Registry } from "prom-client";

/** Of what was seen longer ago, nothing is said: a worker that was throttled then need not be now. */
const WORKERS_SEEN_MS = 60_000;

type BudgetLeft = () => Promise<Record<string, number>>;

/** Prometheus' numbers of this process: https://prometheus.io/docs/practices/naming/ */
export function createMetrics(nowMs = () => performance.now()) {
  const registry = new Registry();
  const registers = [registry];
  let budgetLeft: BudgetLeft = async () => ({});
  let workers: { atMs: number; byState: Record<string, number> } | undefined;

  const metrics = {
    runs: new Counter({
      name: "avatar_runs_total",
      help: "Runs that ended, by engine, mode of the key, outcome, and the error code of those that failed",
      labelNames: ["engine", "mode", "outcome", "code"],
      registers,
    }),
    failedJobs: new Counter({
      name: "avatar_jobs_failed_total",
      help: "Jobs that failed for good, by mode of the key and error code",
      labelNames: ["mode", "code"],
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
  };
  new Gauge({
    name: "avatar_budget_left_usd",
    help: "What is left of the service's budget, in dollars, without what jobs that are not over may cost",
    labelNames: ["span"],
    registers,
    async collect() {
      this.reset();
      // Without a database the other metrics are wanted all the more.
      const left = await budgetLeft().catch(() => ({}));
      for (const [span, usd] of Object.entries(left)) this.set({ span }, usd);
    },
  });
  new Gauge({
    name: "avatar_engine_workers",
    help: "Workers of the engine by state, as it last told this process within a minute",
    labelNames: ["state"],
    registers,
    collect() {
      this.reset();
      if (!workers || nowMs() - workers.atMs > WORKERS_SEEN_MS) return;
      for (const [state, count] of Object.entries(workers.byState)) this.set({ state }, count);
    },
  });

  return {
    ...metrics,
    /** @param ask what is left, for every scrape */
    onBudgetLeft(ask: BudgetLeft): void {
      budgetLeft = ask;
    },
    setWorkers(byState: Record<string, number>): void {
      workers = { atMs: nowMs(), byState };
    },
    contentType: registry.contentType,
    /** All of them, in Prometheus' text format. */
    render: () => registry.metrics(),
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
