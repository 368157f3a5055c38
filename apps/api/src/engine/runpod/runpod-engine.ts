import { setTimeout as delay } from "node:timers/promises";
import { WorkerProgress } from "@avatar/contract/worker";
import type { z } from "zod";
import { type ObjectStore, StorageUnavailable } from "../../storage/object-store.ts";
import type { Logger } from "../../telemetry/logger.ts";
import type { Engine, EngineRun, RenderOptions } from "../engine.ts";
import { createRunClaims } from "./run-claim.ts";
import { engineError, parseWorkerError, toEngineError, toSubmitError } from "./run-errors.ts";
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
import { createWorkerStates, notStarted } from "./worker-states.ts";

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
  silentMs?: number;
}

const POLL_MS = 3000;
/** While RunPod does not answer. */
const MAX_POLL_MS = 15_000;
/** A worker ends a run itself, and says so, before RunPod does. */
const EXECUTION_MARGIN_MS = 30_000;
/** Where a worker was not heard of for so long, it may be done without anybody knowing. */
const SILENT_MS = 30_000;
const PING_MS = 600_000;
/** A gateway may say once that something is not there. */
const MAX_NOT_FOUND = 3;

/** Renders on RunPod Serverless. Runs go on without this process; whoever takes one up finds it by its id, or by its claim. */
export function createRunPodEngine(deps: Deps) {
  const { config, store, publicUrl, pricePerSecond, now, log } = deps;
  const { pollMs = POLL_MS, silentMs = SILENT_MS } = deps;
  const client = createRunPodClient(config, deps.answerMs);
  const claims = createRunClaims(store);
  const askNow = new Map<string, () => void>();
  const workers = createWorkerStates({ client, onWorkers: deps.onWorkers, log });

  async function submit(run: EngineRun, signal: AbortSignal): Promise<string> {
    const startMs = Math.max(run.startBy.getTime() - now().getTime(), 0);
    // RunPod and the worker count from when the worker takes the run, and it may have models to load then.
    const deadlineMs = startMs + run.timeoutMs;
    const ttl = run.linksUntil.getTime() - now().getTime();
    const executionTimeout = Math.min(deadlineMs + EXECUTION_MARGIN_MS, ttl);
    const input = await toWorkerInput(store, run, deadlineMs / 1000);
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
    if (run.resumed?.externalId) return run.resumed.externalId;
    const taken = await surely(run, AbortSignal.any([signal, letGo]), () => claims.close(run.claimKey));
    if (!taken) throw engineError("engine_unavailable", "nobody knows whether the run was submitted");
    await onSubmitted(taken);
    return taken;
  }

  /** Sees to it that nothing of the run goes on, before another run of its job may begin. */
  async function end(run: EngineRun, known: string | undefined, meter: RunMeter, letGo: AbortSignal) {
    // At once, as the store may be away.
    const isCanceled = known !== undefined && (await cancel(run, known, meter, letGo));
    const taken = await surely(run, letGo, () => claims.close(run.claimKey));
    if (taken === undefined || (taken === known && isCanceled)) return;
    // What a worker has, and RunPod does not cancel, is billed to the end: it is asked until then.
    for (let attempt = 0; !letGo.aborted && now() < run.linksUntil; attempt++) {
      if (await cancel(run, taken, meter, letGo)) return;
      await wait(run, Math.min(pollMs * 2 ** attempt, MAX_POLL_MS), letGo);
    }
  }

  /** False where it is worth another try. */
  async function cancel(run: EngineRun, id: string, meter: RunMeter, letGo: AbortSignal): Promise<boolean> {
    try {
      await client.cancel(id, letGo);
      // What was done until then is billed, too.
      const job = meter.isTold() ? undefined : await client.status(id, letGo);
      if (job) meter.see(job);
      return true;
    } catch (error) {
      if (!(error instanceof RunPodError)) throw error;
      log.error({ err: error, runId: run.runId }, "RunPod did not cancel a run");
      return error.failure !== "unclear" && error.failure !== "unavailable";
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

  /**
   * Nobody has begun the run in its time. Unless a worker has after all, none can any more.
   * @returns whether one has
   */
  async function hasBegunLate(run: EngineRun, stop: AbortSignal): Promise<boolean> {
    return (await surely(run, stop, () => claims.close(run.claimKey))) !== undefined;
  }

  /** @returns once the video is there. @throws EngineError, EngineBusy */
  async function follow(
    run: EngineRun,
    first: string,
    meter: RunMeter,
    options: RenderOptions,
  ): Promise<void> {
    const { signal, letGo, onCold, onBegun, onProgress } = options;
    const stop = AbortSignal.any([signal, letGo]);
    const hasVideo = async () => (await surely(run, stop, () => store.head(run.videoKey))) !== undefined;
    const lost = (reason: string) => engineError("run_lost", reason);
    let id = first;
    let failures = 0;
    let notFound = 0;
    let hasBegun = Boolean(run.resumed?.begunAt);
    let isLate = false;
    let said = "";
    let saidAtMs = performance.now();
    while (!stop.aborted) {
      let job: RunPodJob | undefined;
      try {
        job = await client.status(id, stop);
        failures = 0;
      } catch (error) {
        if (stop.aborted) return;
        if (!(error instanceof RunPodError)) throw error;
        failures++;
        log.warn({ err: error, runId: run.runId, failures }, "RunPod did not say how a run is");
        if (failures > 2 && (await hasVideo())) return;
        if (now() > run.startBy && !hasBegun) {
          if (!(await hasBegunLate(run, stop))) throw toSubmitError(error.failure, error);
          hasBegun = true;
          onBegun();
        }
        await wait(run, Math.min(pollMs * 2 ** failures, MAX_POLL_MS), stop);
        continue;
      }
      if (!job) {
        if (await hasVideo()) return;
        if (++notFound === MAX_NOT_FOUND)
          throw lost("RunPod does not know the run any more, and there is no video");
        await wait(run, pollMs, stop);
        continue;
      }
      notFound = 0;
      meter.see(job);
      switch (job.status) {
        case "IN_QUEUE": {
          const found = await workers();
          if (found && found.idle + found.ready + found.running === 0) onCold();
          if (now() <= run.startBy) break;
          if (isLate) {
            // RunPod gives the run of a dead worker to the next one, who finds it claimed.
            if (await hasVideo()) return;
            throw lost("the worker that had taken the run is gone");
          }
          isLate = await hasBegunLate(run, stop);
          if (!isLate) throw notStarted(found);
          break;
        }
        case "IN_PROGRESS":
        case "RUNNING": {
          if (!hasBegun) onBegun();
          hasBegun = true;
          isLate = false;
          const text = JSON.stringify(job.output);
          if (text !== said) saidAtMs = performance.now();
          said = text;
          const progress = WorkerProgress.safeParse(job.output).data;
          if (progress?.cold) onCold();
          if (progress && isRendering(progress)) onProgress(progress.fraction);
          if (performance.now() - saidAtMs < silentMs) break;
          // Its last word may have been lost: https://github.com/runpod/runpod-python/issues/250
          if (await hasVideo()) return;
          saidAtMs = performance.now();
          break;
        }
        case "COMPLETED":
          return;
        case "TIMED_OUT":
          if (await hasVideo()) return;
          throw engineError("run_timeout", "RunPod ended the run, as its time was up");
        case "CANCELLED":
          if (await hasVideo()) return;
          throw lost("somebody else canceled the run at RunPod");
        case "FAILED": {
          const error = parseWorkerError(job.error);
          if (error?.code === "run_already_claimed") {
            const taken = await surely(run, stop, () => claims.claimant(run.claimKey));
            if (taken !== undefined && taken !== id) {
              id = taken;
              await options.onSubmitted(id);
              continue;
            }
          }
          // Its worker may have died after it was done.
          if (await hasVideo()) return;
          if (!error) throw lost("RunPod lost the worker of the run");
          if (error.code === "run_already_claimed") throw lost("the worker that had taken the run is gone");
          throw toEngineError(error);
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
      const meter = createRunMeter(pricePerSecond, options.onUsage, now, run);
      let id = run.resumed?.externalId ?? undefined;
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
    /** How its workers are; undefined where RunPod does not say. */
    workers,
    /** Has a worker say what it is. @returns RunPod's id of that. @throws RunPodError */
    async ping(signal: AbortSignal): Promise<string> {
      const policy = { executionTimeout: PING_MS, ttl: PING_MS };
      return client.run({ input: { v: 1, op: "info" }, policy }, signal);
    },
    /** Whether a worker answers a ping in its time. */
    async isAnswered(id: string, signal: AbortSignal): Promise<boolean> {
      const untilMs = performance.now() + PING_MS;
      while (performance.now() < untilMs && !signal.aborted) {
        const job = await client.status(id, signal).catch(() => undefined); // It is asked again.
        if (job?.status === "COMPLETED") return true;
        if (job && ["FAILED", "CANCELLED", "TIMED_OUT"].includes(job.status)) return false;
        await delay(pollMs, undefined, { signal }).catch(() => {});
      }
      return false;
    },
    /** Whether a webhook of this run knows its secret. */
    isFromRunPod: (runId: string, token: string) => isWebhookToken(config.apiKey, runId, token),
  };
}

const isRendering = ({ phase }: z.output<typeof WorkerProgress>) =>
  phase === "fetch" || phase === "render" || phase === "upload";
