import { setTimeout as delay } from "node:timers/promises";
import { ERRORS, type ErrorCode } from "@avatar/contract/errors";
import { WorkerProgress } from "@avatar/contract/worker";
import type { z } from "zod";
import { type ObjectStore, StorageUnavailable } from "../../storage/object-store.ts";
import type { Logger } from "../../telemetry/logger.ts";
import { type Engine, EngineError, type EngineRun, type RenderOptions } from "../engine.ts";
import { createRunClaims } from "./run-claim.ts";
import { parseWorkerError, toEngineError, toSubmitError } from "./run-errors.ts";
import { toWorkerInput } from "./run-input.ts";
import { createRunMeter, type RunMeter } from "./run-meter.ts";
import {
  createRunPodClient,
  type RunPodConfig,
  RunPodError,
  type RunPodHealth,
  type RunPodJob,
} from "./runpod-client.ts";
import { isWebhookToken, webhookToken } from "./webhook-token.ts";

interface Deps {
  config: RunPodConfig;
  store: ObjectStore;
  /** Where RunPod reaches this server. */
  publicUrl: () => string;
  /** Dollars a second, by the name that the driver gives the GPU. */
  pricePerSecond: (gpu: string | undefined) => number;
  onWorkers: (workers: RunPodHealth) => void;
  now: () => Date;
  log: Logger;
  pollMs?: number;
  answerMs?: number;
}

const POLL_MS = 3000;
/** While RunPod does not answer. */
const MAX_POLL_MS = 15_000;
/** A worker ends a run itself, and says so, before RunPod does. */
const EXECUTION_MARGIN_MS = 30_000;
const HEALTH_MS = 10_000;
const PING_MS = 600_000;

/** Renders on RunPod Serverless. Runs go on without this process; whoever takes one up finds it by its id, or by its claim. */
export function createRunPodEngine(deps: Deps) {
  const { config, store, publicUrl, pricePerSecond, now, log, pollMs = POLL_MS } = deps;
  const client = createRunPodClient(config, deps.answerMs);
  const claims = createRunClaims(store);
  const askNow = new Map<string, () => void>();
  let health: { atMs: number; workers: Promise<RunPodHealth | undefined> } | undefined;

  /** Asked for all runs at once, now and then. */
  function workers(): Promise<RunPodHealth | undefined> {
    const atMs = performance.now();
    if (!health || atMs - health.atMs > HEALTH_MS) health = { atMs, workers: askForWorkers() };
    return health.workers;
  }

  async function askForWorkers(): Promise<RunPodHealth | undefined> {
    try {
      const workers = await client.health();
      deps.onWorkers(workers);
      return workers;
    } catch (error) {
      log.warn({ err: error }, "RunPod did not say how its workers are");
      return undefined;
    }
  }

  async function submit(run: EngineRun, signal: AbortSignal): Promise<string> {
    const startMs = Math.max(run.startBy.getTime() - now().getTime(), 0);
    // RunPod and the worker count from when the worker takes the run, and it may have models to load then.
    const deadlineMs = startMs + run.timeoutMs;
    const executionTimeout = deadlineMs + EXECUTION_MARGIN_MS;
    const ttl = startMs + executionTimeout;
    const input = await toWorkerInput(store, run, deadlineMs / 1000, new Date(now().getTime() + ttl));
    const path = `${run.jobId}/${run.runId}?token=${webhookToken(config.apiKey, run.runId)}`;
    const webhook = `${publicUrl()}/webhooks/runpod/${path}`;
    return client.run({ input, webhook, policy: { executionTimeout, ttl } }, signal);
  }

  /** Submits the run. @returns RunPod's id of it, which may be another's who got it earlier */
  async function begin(run: EngineRun, { signal, letGo, onSubmitted }: RenderOptions): Promise<string> {
    const either = AbortSignal.any([signal, letGo]);
    const id = await submit(run, either).catch(async (error: unknown) => {
      if (!(error instanceof RunPodError)) throw error;
      // It may have got there: unless it was taken by now, it never will be.
      const taken =
        error.failure === "unclear" ? await surely(run, either, () => claims.close(run.claimKey)) : undefined;
      if (taken) return taken;
      throw toSubmitError(error.failure, error);
    });
    await onSubmitted(id);
    return id;
  }

  /** RunPod's id of a run that was followed before. */
  async function find(run: EngineRun, { signal, letGo, onSubmitted }: RenderOptions): Promise<string> {
    const known = run.resumed?.externalId;
    if (known) return known;
    const taken = await surely(run, AbortSignal.any([signal, letGo]), () => claims.close(run.claimKey));
    if (!taken) throw engineError("engine_unavailable", "nobody knows whether the run was submitted");
    await onSubmitted(taken);
    return taken;
  }

  /** Sees to it that nothing of the run goes on, before another run of its job may begin. */
  async function end(run: EngineRun, known: string | undefined, meter: RunMeter, letGo: AbortSignal) {
    const taken = await surely(run, letGo, () => claims.close(run.claimKey));
    for (const id of new Set([known, taken])) {
      if (id === undefined || letGo.aborted) continue;
      await client.cancel(id, letGo).catch((error: unknown) => {
        // It costs what is left of its time at most.
        log.error({ err: error, runId: run.runId }, "RunPod did not cancel a run");
      });
      // What was done until then is billed.
      const job = meter.isTold() ? undefined : await client.status(id, letGo).catch(() => undefined);
      if (job) meter.see(job);
    }
  }

  /** Waits for a store that is away: what a render has cost is not thrown away for that. */
  async function surely<T>(run: EngineRun, stop: AbortSignal, work: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof StorageUnavailable) || stop.aborted) throw error;
        log.warn({ err: error, runId: run.runId }, "the store is away; it is tried again");
        await wait(run, Math.min(pollMs * 2 ** attempt, MAX_POLL_MS), stop);
      }
    }
  }

  /** Resolves when it is time to ask again. */
  async function wait(run: EngineRun, ms: number, stop: AbortSignal): Promise<void> {
    const woken = new AbortController();
    askNow.set(run.runId, () => woken.abort());
    await delay(ms, undefined, { signal: AbortSignal.any([woken.signal, stop]) }).catch(() => {});
    askNow.delete(run.runId);
  }

  /** @returns once the video is there. @throws EngineError */
  async function follow(
    run: EngineRun,
    first: string,
    meter: RunMeter,
    options: RenderOptions,
  ): Promise<void> {
    const { signal, letGo, onCold, onProgress } = options;
    const stop = AbortSignal.any([signal, letGo]);
    const hasVideo = async () => (await surely(run, stop, () => store.head(run.videoKey))) !== undefined;
    let id = first;
    let failures = 0;
    while (!stop.aborted) {
      let job: RunPodJob | undefined;
      try {
        job = await client.status(id, stop);
        failures = 0;
      } catch (error) {
        if (stop.aborted) return;
        failures++;
        log.warn({ err: error, runId: run.runId, failures }, "RunPod did not say how a run is");
        if (failures > 2 && (await hasVideo())) return;
        await wait(run, Math.min(pollMs * 2 ** failures, MAX_POLL_MS), stop);
        continue;
      }
      if (!job) {
        if (await hasVideo()) return;
        throw engineError("run_lost", "RunPod does not know the run any more, and there is no video");
      }
      meter.see(job);
      switch (job.status) {
        case "IN_QUEUE": {
          const found = await workers();
          if (found && found.idle + found.ready + found.running === 0) onCold();
          if (now() > run.startBy) throw notStarted(found);
          break;
        }
        case "IN_PROGRESS":
        case "RUNNING": {
          const progress = WorkerProgress.safeParse(job.output).data;
          if (progress?.cold) onCold();
          if (progress && isRendering(progress)) onProgress(progress.fraction);
          break;
        }
        case "COMPLETED":
          return;
        case "TIMED_OUT":
          if (await hasVideo()) return;
          throw engineError("run_timeout", "RunPod ended the run, as its time was up");
        case "CANCELLED":
          throw engineError("run_lost", "somebody else canceled the run at RunPod");
        case "FAILED": {
          const said = parseWorkerError(job.error);
          if (said?.code === "run_already_claimed") {
            const taken = await surely(run, stop, () => claims.claimant(run.claimKey));
            if (taken !== undefined && taken !== id) {
              id = taken;
              await options.onSubmitted(id);
              continue;
            }
          }
          // Its worker may have died after it was done.
          if (await hasVideo()) return;
          if (!said) throw engineError("run_lost", "RunPod lost the worker of the run");
          if (said.code === "run_already_claimed")
            throw engineError("run_lost", "the worker that had taken the run is gone");
          throw toEngineError(said);
        }
      }
      await wait(run, pollMs * (0.8 + Math.random() * 0.4), stop);
    }
  }

  const engine: Engine = {
    name: "runpod",
    isRemote: true,

    async render(run, options) {
      const { signal, letGo } = options;
      const meter = createRunMeter(pricePerSecond, options.onUsage);
      let id = run.resumed?.externalId;
      try {
        signal.throwIfAborted();
        id = run.resumed ? await find(run, options) : await begin(run, options);
        await follow(run, id, meter, options);
        signal.throwIfAborted();
      } catch (error) {
        await end(run, id, meter, letGo);
        throw error;
      } finally {
        meter.stop();
      }
      letGo.throwIfAborted();
    },

    look: (runId) => askNow.get(runId)?.(),

    stop: async () => {},
  };

  return {
    engine,
    /** Has a worker say what it is. @throws RunPodError */
    async ping(signal: AbortSignal): Promise<void> {
      const policy = { executionTimeout: PING_MS, ttl: 2 * PING_MS };
      await client.run({ input: { v: 1, op: "info" }, policy }, signal);
    },
    /** Whether a webhook of this run knows its secret. */
    isFromRunPod: (runId: string, token: string) => isWebhookToken(config.apiKey, runId, token),
  };
}

const isRendering = ({ phase }: z.output<typeof WorkerProgress>) =>
  phase === "fetch" || phase === "render" || phase === "upload";

/** Why no worker took a job for so long, for the operator; the customer waits for a GPU either way. */
function notStarted(workers: RunPodHealth | undefined): EngineError {
  const { idle = 0, ready = 0, running = 0, initializing = 0, throttled = 0, unhealthy = 0 } = workers ?? {};
  if (!workers) return engineError("engine_unavailable", "RunPod does not answer", true);
  if (unhealthy > 0 && running === 0)
    return engineError(
      "engine_misconfigured",
      `${unhealthy} workers of the endpoint crash as they start`,
      true,
    );
  if (throttled > 0 && running === 0)
    return engineError(
      "no_capacity",
      `${throttled} workers are throttled: RunPod has no GPU of these types free`,
      true,
    );
  if (idle + ready + running + initializing === 0)
    return engineError(
      "no_capacity",
      "the endpoint has no workers: its workersMax may be 0, as RunPod sets it after 7 days without a request",
      true,
    );
  return engineError("start_timeout", "all workers of the endpoint were busy or loading", true);
}

const engineError = (code: ErrorCode, reason: string, isFinal = false) =>
  new EngineError(code, `${ERRORS[code].title}.`, { cause: new Error(reason), isFinal });
