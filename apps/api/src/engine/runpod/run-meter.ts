import { WorkerOutput } from "@avatar/contract/worker";
import type { RunUsage } from "../engine.ts";
import type { RunPodJob } from "./runpod-client.ts";

/**
 * What a run costs: its worker's time, as RunPod tells it at the end. What is billed beside it, the start and the idle time
 * of the worker, belongs to no run.
 */
export function createRunMeter(
  pricePerSecond: (gpu: string | undefined) => number,
  onUsage: (usage: RunUsage) => void,
) {
  let begunAtMs: number | undefined;
  let isTold = false;

  function use(ms: number, gpu?: string): void {
    onUsage({ billedSeconds: Math.ceil(ms / 1000), pricePerSecond: pricePerSecond(gpu) });
  }

  return {
    see(job: RunPodJob): void {
      if (job.executionTime !== undefined) {
        const output = WorkerOutput.safeParse(job.output).data;
        isTold = true;
        use(job.executionTime, output && "gpu" in output ? output.gpu?.name : undefined);
      } else if (job.status === "IN_PROGRESS" || job.status === "RUNNING") {
        begunAtMs ??= performance.now();
      }
    },

    isTold: () => isTold,

    /** The run is over. If RunPod did not tell, the time since the worker was first seen at work has to do. */
    stop(): void {
      if (!isTold && begunAtMs !== undefined) use(performance.now() - begunAtMs);
    },
  };
}

export type RunMeter = ReturnType<typeof createRunMeter>;
