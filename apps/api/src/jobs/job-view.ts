import { ERRORS, type ErrorCode, errorDocsPath } from "@avatar/contract/errors";
import type { Job, JobError, JobTimings, Video } from "@avatar/contract/types";
import type { JobRow } from "./job-repository.ts";

/** What other jobs have to do with when this one is done. */
export interface Outlook {
  /** Of a queued job. */
  position?: number;
  etaSeconds?: number;
}

/** A row as customers see it. */
export function toJob(row: JobRow, { position, etaSeconds }: Outlook = {}): Job {
  const base = {
    id: row.id,
    version: row.version,
    createdAt: row.createdAt.toISOString(),
    updatedAt: row.updatedAt.toISOString(),
    aspect: row.aspect,
    fit: row.fit,
    ...(row.prompt !== null && { prompt: row.prompt }),
    seed: row.seed,
    metadata: row.metadata,
    ttlSeconds: row.ttlSeconds,
    audioSeconds: row.audioSeconds,
    timings: toTimings(row),
    cost: { gpuSeconds: row.billedSeconds, usd: Math.round(row.costUsd * 1e6) / 1e6 },
  };
  const unfinished = { ...base, ...(etaSeconds !== undefined && { etaSeconds }) };
  switch (row.status) {
    case "queued":
      return { ...unfinished, status: row.status, ...(position !== undefined && { position }) };
    case "starting":
      return { ...unfinished, status: row.status, cold: row.cold };
    case "running":
      return { ...unfinished, status: row.status, progress: Math.round(row.progress * 1000) / 1000 };
  }
  const finished = { ...base, finishedAt: present(row.finishedAt).toISOString() };
  switch (row.status) {
    case "succeeded":
      return { ...finished, status: row.status, video: toVideo(row) };
    case "failed":
      return { ...finished, status: row.status, error: toJobError(present(row.error)) };
    case "canceled":
    case "expired":
      return { ...finished, status: row.status };
  }
}

export function toVideo(row: JobRow): Video {
  return {
    contentType: "video/mp4",
    bytes: present(row.videoBytes),
    sha256: present(row.videoSha256),
    width: present(row.videoWidth),
    height: present(row.videoHeight),
    durationSeconds: present(row.videoSeconds),
    expiresAt: present(row.videoExpiresAt).toISOString(),
  };
}

function toTimings({ status, createdAt, startedAt, runningAt, finishedAt }: JobRow): JobTimings {
  // In the queue, what its earlier runs took is part of the waiting.
  const begunAt = status === "queued" ? null : startedAt;
  const spans = {
    queue: seconds(createdAt, begunAt),
    start: seconds(begunAt, runningAt),
    run: seconds(runningAt ?? begunAt, finishedAt),
    total: seconds(createdAt, finishedAt),
  };
  return Object.fromEntries(Object.entries(spans).filter(([, span]) => span !== undefined));
}

/** Clocks of two replicas may differ by a little. */
const seconds = (from: Date | null, to: Date | null) =>
  from && to ? Math.max(to.getTime() - from.getTime(), 0) / 1000 : undefined;

function toJobError(error: { code: ErrorCode; detail: string }): JobError {
  const { hint, retryable } = ERRORS[error.code];
  return { ...error, hint, retryable, docs: errorDocsPath(error.code) };
}

/** Columns that are always set in the state at hand. */
function present<T>(value: T | null): T {
  if (value === null) throw new Error("a column that this state requires is null");
  return value;
}
