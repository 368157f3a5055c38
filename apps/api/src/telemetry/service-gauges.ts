import { Gauge, type Registry } from "prom-client";
import { createProbe, type Finding } from "./probe.ts";
import type { ServiceState } from "./service-state-repository.ts";

/** Of what was seen longer ago, nothing is said: a worker that was throttled then need not be now. */
const WORKERS_SEEN_MS = 60_000;
/** What others are asked for costs them something. */
const FRESH_MS = 10_000;

/** Where the service can be looked at. */
export interface ServiceProbes {
  engine: string;
  state: () => Promise<ServiceState>;
  /** What may be spent, and what is left of it. */
  budget: () => Promise<Record<string, { usd: number; leftUsd: number }>>;
  store: () => Promise<unknown>;
  /** Undefined where the engine has no workers elsewhere. */
  workers: (() => Promise<object | undefined>) | undefined;
  gpuPricePerSecond: number | undefined;
}

/** How the whole service is: every process tells the same, so these are not to be summed. */
export function createServiceGauges(registers: Registry[], nowMs: () => number) {
  const gauge = (name: string, help: string, ...labelNames: string[]) =>
    new Gauge({ name, help, labelNames, registers });
  const jobs = gauge("avatar_jobs", "Unfinished jobs, by mode of the key and state", "mode", "state");
  const oldest = gauge(
    "avatar_jobs_oldest_seconds",
    "How long the oldest of them has been in its state",
    "mode",
    "state",
  );
  const depth = gauge("avatar_queue_depth", "Queued jobs that could begin now, by mode of the key", "mode");
  const wait = gauge("avatar_queue_oldest_wait_seconds", "How long the first of them has waited", "mode");
  const overdue = gauge(
    "avatar_jobs_overdue",
    "Unfinished jobs whose deadline is over, by mode of the key: nobody looks after them",
    "mode",
  );
  const lag = gauge(
    "avatar_retention_lag_seconds",
    "How late the oldest deletion is that is due: of a video, or of what a run left",
  );
  const budgetUsd = gauge("avatar_budget_usd", "The service's budget, in dollars", "span");
  const leftUsd = gauge(
    "avatar_budget_left_usd",
    "What is left of the service's budget, in dollars, without what jobs that are not over may cost",
    "span",
  );
  const price = gauge("avatar_gpu_price_usd_per_second", "The highest price of the engine's GPUs", "engine");
  const engineUp = gauge("avatar_engine_up", "Whether a remote engine answers this process", "engine");
  const databaseUp = gauge("avatar_database_up", "Whether the database answers this process");
  const databaseSeconds = gauge(
    "avatar_database_probe_seconds",
    "How long the database took to tell how the jobs are",
  );
  const storeUp = gauge("avatar_store_up", "Whether the object store answers this process");
  const storeSeconds = gauge(
    "avatar_store_probe_seconds",
    "How long the object store took to look for an object",
  );

  let workers: { atMs: number; byState: Record<string, number> } | undefined;
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
  // A gauge without labels begins with a zero that nobody has seen.
  for (const each of [lag, databaseUp, databaseSeconds, storeUp, storeSeconds]) each.remove();

  function tellState({ value, isUp, seconds }: Finding<ServiceState>): void {
    databaseUp.set(Number(isUp));
    databaseSeconds.set(seconds);
    for (const each of [jobs, oldest, depth, wait, overdue]) each.reset();
    if (!value) {
      lag.remove();
      return;
    }
    for (const { mode, state, ...found } of value.jobs) {
      jobs.set({ mode, state }, found.count);
      oldest.set({ mode, state }, found.oldestSeconds);
      overdue.inc({ mode }, found.overdue);
      if (state !== "queued") continue;
      depth.set({ mode }, found.due);
      wait.set({ mode }, found.waitSeconds);
    }
    lag.set(value.retentionLagSeconds);
  }

  let looks: (() => Promise<void>)[] = [];

  return {
    setWorkers(byState: Record<string, number>): void {
      workers = { atMs: nowMs(), byState };
    },

    watch({ engine, state, budget, store, workers, gpuPricePerSecond }: ServiceProbes): void {
      if (gpuPricePerSecond !== undefined) price.set({ engine }, gpuPricePerSecond);
      const askState = createProbe(state);
      const askBudget = createProbe(budget);
      const askStore = createProbe(store, { freshMs: FRESH_MS });
      looks = [
        async () => tellState(await askState()),
        async () => {
          const { value = {} } = await askBudget();
          budgetUsd.reset();
          leftUsd.reset();
          for (const [span, left] of Object.entries(value)) {
            budgetUsd.set({ span }, left.usd);
            leftUsd.set({ span }, left.leftUsd);
          }
        },
        async () => {
          const { isUp, seconds } = await askStore();
          storeUp.set(Number(isUp));
          storeSeconds.set(seconds);
        },
      ];
      if (!workers) return;
      const askWorkers = createProbe(workers, { freshMs: FRESH_MS });
      looks.push(async () => engineUp.set({ engine }, Number((await askWorkers()).value !== undefined)));
    },

    /** Without a database, or a store, the other metrics are wanted all the more. */
    async look(): Promise<void> {
      await Promise.all(looks.map((look) => look()));
    },
  };
}
