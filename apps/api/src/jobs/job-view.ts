import { ERRORS, type ErrorCode, errorDocsPath } from "@avatar/contract/errors";
import type { Job, JobError, Video } from "@avatar/contract/types";
import type { JobRow } from "./job-repository.ts";

/** A row as customers see it. */
export function toJob(row: JobRow): Job {
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
  };
  switch (row.status) {
    case "queued":
      return { ...base, status: row.status };
    case "starting":
      return { ...base, status: row.status, cold: row.cold };
    case "running":
      return { ...base, status: row.status, progress: Math.round(row.progress * 1000) / 1000 };
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

function toJobError(error: { code: ErrorCode; detail: string }): JobError {
  const { hint, retryable } = ERRORS[error.code];
  return { ...error, hint, retryable, docs: errorDocsPath(error.code) };
}

/** Columns that are always set in the state at hand. */
function present<T>(value: T | null): T {
  if (value === null) throw new Error("a column that this state requires is null");
  return value;
}
