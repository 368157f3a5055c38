import type { EngineInput, EngineRun } from "../engine/engine.ts";
import { uploadKey } from "../uploads/upload-service.ts";
import type { ClaimedRun } from "./claimed-run-repository.ts";
import { claimKey, videoKey } from "./run-keys.ts";

interface Times {
  startTimeoutMs: number;
  runTimeoutMs: (audioSeconds: number) => number;
}

/** What an engine is told of a run. */
export const toEngineRun = (
  { runId, jobId, job, image, audio, startedAt, linksUntil, resumed }: ClaimedRun,
  { startTimeoutMs, runTimeoutMs }: Times,
): EngineRun => ({
  runId,
  jobId,
  requestId: job.requestId ?? undefined,
  image: toEngineInput(job.imageUploadId, image),
  audio: toEngineInput(job.audioUploadId, audio),
  videoKey: videoKey({ runId, jobId }),
  claimKey: claimKey({ runId, jobId }),
  // Before the job's own time is up: the engine knows better why.
  startBy: new Date(startedAt.getTime() + 0.9 * startTimeoutMs),
  timeoutMs: runTimeoutMs(job.audioSeconds),
  // Only a remote engine gives links away.
  linksUntil: linksUntil ?? startedAt,
  resumed,
  audioSeconds: job.audioSeconds,
  aspect: job.aspect,
  fit: job.fit,
  prompt: job.prompt ?? undefined,
  seed: job.seed,
  test: job.test ?? undefined,
});

const toEngineInput = (uploadId: string, upload: ClaimedRun["image"]): EngineInput => ({
  key: uploadKey(uploadId),
  bytes: upload?.bytes ?? 0,
  sha256: upload?.sha256 ?? undefined,
  contentType: upload?.contentType ?? "application/octet-stream",
});
