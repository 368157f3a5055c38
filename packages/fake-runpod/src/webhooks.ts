import { setTimeout as delay } from "node:timers/promises";
import type { WebhookScript } from "./faults.ts";
import type { Job } from "./platform.ts";
import { toStatus } from "./to-status.ts";

interface Options {
  /** Between tries, of which there are three. */
  retryMs: number;
  script: () => WebhookScript | undefined;
}

/** Tells whoever asked for it that a job has ended, until that is answered with 200. */
export function createWebhooks({ retryMs, script }: Options) {
  const stopping = new AbortController();
  const { signal } = stopping;
  const sending = new Set<Promise<void>>();
  /** RunPod waits between its tries, and so does its stand-in; not longer than it lives. */
  const pause = (ms: number) => delay(ms, undefined, { signal }).catch(() => {});
  const delivered: { jobId: string; status: number | undefined }[] = [];

  async function post(job: Job): Promise<boolean> {
    const body = JSON.stringify(toStatus(job));
    const answer = await fetch(job.webhook ?? "", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
      signal: AbortSignal.any([signal, AbortSignal.timeout(10_000)]),
    }).catch(() => undefined);
    await answer?.body?.cancel();
    delivered.push({ jobId: job.id, status: answer?.status });
    return answer?.status === 200;
  }

  async function send(job: Job): Promise<void> {
    const { times, delayMs = 0 } = script()?.(job.id) ?? { times: 1 };
    await pause(delayMs);
    for (let time = 0; time < times; time++) {
      for (let attempt = 0; attempt < 3 && !signal.aborted; attempt++) {
        if (attempt > 0) await pause(retryMs);
        if (await post(job)) break;
      }
    }
  }

  return {
    /** In the order in which they were answered, or were not. */
    delivered,

    /** Resolves once nothing more is sent for it. */
    async announce(job: Job): Promise<void> {
      if (!job.webhook) return;
      const sent = send(job).finally(() => sending.delete(sent));
      sending.add(sent);
      await sent;
    },

    async stop(): Promise<void> {
      stopping.abort();
      await Promise.all(sending);
    },
  };
}
