import type { ErrorCode } from "./errors.ts";

/** What a job can fail with once it is queued. */
export const JOB_ERROR_CODES = [
  "no_face",
  "several_faces",
  "face_too_small",
  "empty_file",
  "unsupported_image",
  "unsupported_audio",
  "image_too_small",
  "image_undecodable",
  "image_truncated",
  "image_too_many_pixels",
  "audio_undecodable",
  "audio_truncated",
  "audio_too_short",
  "audio_too_long",
  "render_failed",
  "storage_unavailable",
  "engine_unavailable",
  "engine_unauthorized",
  "engine_misconfigured",
  "engine_quota_exceeded",
  "budget_exhausted",
  "no_capacity",
  "run_lost",
  "queue_timeout",
  "start_timeout",
  "run_timeout",
] as const satisfies readonly ErrorCode[];

export type JobErrorCode = (typeof JOB_ERROR_CODES)[number];
