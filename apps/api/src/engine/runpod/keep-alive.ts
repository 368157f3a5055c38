import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "../../telemetry/logger.ts";
import type { KeepAliveRepository } from "./keep-alive-repository.ts";

interface Deps {
  keepAlives: KeepAliveRepository;
  /** Has a worker say what it is, which takes it a moment. @returns an id to ask for the answer */
  ping: (signal: AbortSignal) => Promise<string>;
  isAnswered: (id: string, signal: AbortSignal) => Promise<boolean>;
  /** In one process at a time. */
  exclusively: (work: () => Promise<void>) => Promise<void>;
  /** Of an engine that nobody used for so long. */
  afterMs: number;
  now: () => Date;
  log: Logger;
  everyMs?: number;
}

const ENGINE = "runpod";
const HOUR_MS = 3_600_000;

/**
 * RunPod takes an endpoint that nobody uses down to two workers after three days, and to none after seven, from where
 * only its owner brings it back: https://docs.runpod.io/serverless/endpoints/endpoint-configurations
 */
export function createKeepAlive(deps: Deps) {
  const { keepAlives, ping, isAnswered, exclusively, afterMs, now, log, everyMs = HOUR_MS } = deps;
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;

  /** @returns what it sent, and what came before that */
  async function sendPing(): Promise<{ id: string; lastUse: Date } | undefined> {
    // Before it is looked: what is used meanwhile is not seen.
    const at = now();
    const lastUse = await keepAlives.lastUse(ENGINE);
    // A new endpoint has its time before it.
    if (!lastUse) await keepAlives.setSent(ENGINE, at);
    if (!lastUse || at.getTime() - lastUse.getTime() < afterMs) return undefined;
    const id = await ping(stopping.signal);
    await keepAlives.setSent(ENGINE, now());
    return { id, lastUse };
  }

  async function keep(): Promise<void> {
    let sent: Awaited<ReturnType<typeof sendPing>>;
    await exclusively(async () => {
      sent = await sendPing();
    });
    if (!sent) return;
    if (await isAnswered(sent.id, stopping.signal)) {
      log.info({ lastUse: sent.lastUse }, "RunPod's endpoint was kept alive, as nobody used it");
    } else if (!stopping.signal.aborted) {
      await keepAlives.setSent(ENGINE, sent.lastUse); // So it is tried again soon.
      throw new Error("no worker answered; workersMax of the endpoint may be 0, or its workers crash");
    }
  }

  async function run(): Promise<void> {
    while (!stopping.signal.aborted) {
      await keep().catch((error: unknown) => {
        if (!stopping.signal.aborted)
          log.error(
            { err: error },
            "RunPod's endpoint was not kept alive; after 7 days it drops to 0 workers",
          );
      });
      await delay(everyMs, undefined, { signal: stopping.signal }).catch(() => {}); // Stopping.
    }
  }

  return {
    start(): void {
      loop = run();
    },
    async stop(): Promise<void> {
      stopping.abort();
      await loop;
    },
  };
}
