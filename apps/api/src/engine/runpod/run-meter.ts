import { WorkerOutput } from "@avatar/contract/worker";
import type { EngineRun, RunUsage } from "../engine.ts";
import type { RunPodJob } from "./runpod-client.ts";

/**
 * What a run costs: its workers' time, as RunPod tells it at the end, and at least as long as one was seen at work, as
 * RunPod tells of the last worker alone, or nothing at all. What is billed beside it, before a worker takes the run and
 * while it idles, belongs to no run.
 */
export function createRunMeter(
  pricePerSecond: (gpu: string | undefined) => number,
  onUsage: (usage: RunUsage) => void,
  now: () => Date,
  { resumed, timeoutMs }: Pick<EngineRun, "resumed" | "timeoutMs">,
) {
  let workingSince = resumed?.begunAt ?? undefined;
  /** Nobody may have looked for a long time before this process did. */
  let mostMs = timeoutMs;
  let seenMs = 0;
  let told: { ms: number; gpu: string | undefined } | undefined;

  function countUntil(time: Date): void {
    if (!workingSince) return;
    seenMs += Math.min(Math.max(time.getTime() - workingSince.getTime(), 0), mostMs);
    mostMs = Number.POSITIVE_INFINITY;
    workingSince = undefined;
  }

  function report(): void {
    const ms = Math.max(seenMs, told?.ms ?? 0);
    if (ms > 0 || told)
      onUsage({ billedSeconds: Math.ceil(ms / 1000), pricePerSecond: pricePerSecond(told?.gpu) });
  }

  return {
    see(job: RunPodJob): void {
      if (job.status === "IN_PROGRESS" || job.status === "RUNNING") {
        const time = now();
        countUntil(time);
        workingSince = time;
      } else if (job.status === "IN_QUEUE") {
        workingSince = undefined;
      } else if (job.executionTime !== undefined) {
        workingSince = undefined;
        const output = WorkerOutput.safeParse(job.output).data;
        told = { ms: job.executionTime, gpu: output && "gpu" in output ? output.gpu?.name : undefined };
        report();
      }
    },

    /** Whether RunPod told. */
    isTold: () => told !== undefined,

    /** The run is over. */
    stop(): void {
      countUntil(now());
      report();
    },
  };
}

export type RunMeter = ReturnType<typeof createRunMeter>;
