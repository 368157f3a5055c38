import type { ErrorCode } from "@avatar/contract/errors";
import type { Logger } from "../../telemetry/logger.ts";
import { EngineBusy } from "../engine.ts";
import { engineError } from "./run-errors.ts";
import type { RunPodClient, RunPodHealth } from "./runpod-client.ts";

interface Deps {
  client: Pick<RunPodClient, "health">;
  onWorkers: (workers: RunPodHealth) => void;
  log: Logger;
}

const FRESH_MS = 10_000;

/** How many workers of the endpoint are in which state: asked for all runs at once, now and then. */
export function createWorkerStates({ client, onWorkers, log }: Deps) {
  let asked: { atMs: number; workers: Promise<RunPodHealth | undefined> } | undefined;

  async function ask(): Promise<RunPodHealth | undefined> {
    try {
      const workers = await client.health();
      onWorkers(workers);
      return workers;
    } catch (error) {
      log.warn({ err: error }, "RunPod did not say how its workers are");
      return undefined;
    }
  }

  return function workers(): Promise<RunPodHealth | undefined> {
    const atMs = performance.now();
    if (!asked || atMs - asked.atMs > FRESH_MS) asked = { atMs, workers: ask() };
    return asked.workers;
  };
}

/** Why no worker took a run for so long, for the operator; the customer waits for a GPU either way. */
export function notStarted(workers: RunPodHealth | undefined): Error {
  if (!workers) return engineError("engine_unavailable", "RunPod does not answer");
  const { idle, ready, running, initializing, throttled, unhealthy } = workers;
  if (running > 0) return new EngineBusy("all workers of the endpoint were busy");
  const final = (code: ErrorCode, reason: string) => engineError(code, reason, true);
  if (unhealthy > 0) return final("engine_misconfigured", `${unhealthy} workers crash as they start`);
  if (throttled > 0)
    return final("no_capacity", `${throttled} workers are throttled: RunPod has no GPU of these types free`);
  if (idle + ready + initializing === 0)
    return final(
      "no_capacity",
      "the endpoint has no workers: its workersMax may be 0, as RunPod sets it after 7 days without a request",
    );
  return final("start_timeout", "the workers of the endpoint did not get ready");
}
