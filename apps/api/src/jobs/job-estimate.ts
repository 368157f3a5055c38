import type { CreateJobInput } from "@avatar/contract/schemas";
import type { JobCost, JobEstimate } from "@avatar/contract/types";
import type { z } from "zod";
import type { Caller } from "../api-keys/caller.ts";
import type { CheckInputs } from "../engine/input-check.ts";
import { type UploadService, uploadKey } from "../uploads/upload-service.ts";
import { checkSettings } from "./check-settings.ts";
import { warningsOf } from "./estimate-warnings.ts";
import type { Foresight } from "./foresight.ts";
import type { createCostEstimate } from "./job-cost.ts";
import { findFiles, inspectFiles } from "./job-files.ts";
import type { createQueueOutlook } from "./queue-outlook.ts";

export interface EstimateDeps {
  uploads: UploadService;
  costOf: ReturnType<typeof createCostEstimate>;
  outlookOfNext: ReturnType<typeof createQueueOutlook>["outlookOfNext"];
  refusalOf: Foresight["refusalOf"];
  checkInputs: CheckInputs;
  /** Whether the engine of live keys has no worker where it has nothing to do. */
  scalesToZero: boolean;
  queueTimeoutMs: number;
  videoTtlSeconds: number;
}

/** Looks at the files as a job would, and tells what is known. Nothing is queued, and nothing is left behind. */
export function createJobEstimate(deps: EstimateDeps) {
  const { uploads, costOf, outlookOfNext, refusalOf, checkInputs, scalesToZero } = deps;
  const { queueTimeoutMs, videoTtlSeconds } = deps;

  return async function estimate(
    caller: Caller,
    input: z.output<typeof CreateJobInput>,
    signal: AbortSignal | undefined,
  ): Promise<JobEstimate> {
    const { mode } = caller;
    checkSettings(caller, input, videoTtlSeconds);
    const files = await findFiles(caller, input, uploads, []);
    try {
      const { image, audio } = await files.fetch(signal);
      const { audioSeconds, ...size } = await inspectFiles({ image, audio }, uploads);
      const keys = { imageKey: uploadKey(image.id), audioKey: uploadKey(audio.id) };
      const [check, cost] = await Promise.all([
        checkInputs({ ...keys, audioSeconds }, signal),
        costOf(mode, audioSeconds),
      ]);
      const outlook = await outlookOfNext(mode, caller, audioSeconds);
      const { position, etaSeconds, waitSeconds, isIdle } = outlook;
      const refusal = await refusalOf(caller, {
        estimatedGpuSeconds: cost.gpuSeconds,
        estimatedCostUsd: cost.usd,
      });
      return {
        audioSeconds,
        cost: rounded(cost),
        ...(position !== undefined && { position }),
        ...(etaSeconds !== undefined && { etaSeconds }),
        cold: mode === "live" && scalesToZero && isIdle,
        warnings: warningsOf({ input, ...size, audioSeconds, check, waitSeconds, queueTimeoutMs }),
        ...(refusal && { refusal: { code: refusal.code, detail: refusal.message, limit: refusal.limit } }),
      };
    } finally {
      await files.discard();
    }
  };
}

const rounded = ({ gpuSeconds, usd }: JobCost): JobCost => ({ gpuSeconds, usd: Math.round(usd * 1e6) / 1e6 });
