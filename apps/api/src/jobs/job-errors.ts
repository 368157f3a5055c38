import type { ErrorCode } from "@avatar/contract/errors";

/** What can be wrong with the files of a job before anything is queued. */
export const INPUT_FILE_ERRORS = [
  "empty_file",
  "image_too_large",
  "audio_too_large",
  "media_type_mismatch",
  "unsupported_image",
  "unsupported_audio",
  "image_undecodable",
  "image_truncated",
  "image_too_small",
  "image_too_many_pixels",
  "audio_undecodable",
  "audio_truncated",
  "audio_too_short",
  "audio_too_long",
] as const satisfies readonly ErrorCode[];

/** What can be wrong with the URL of a file. */
export const URL_ERRORS = [
  "url_not_allowed",
  "url_too_many_redirects",
  "url_unreachable",
  "url_too_slow",
] as const satisfies readonly ErrorCode[];

/** What a job can fail with once it is queued. */
export const RUN_ERRORS = [
  "no_face",
  "several_faces",
  "face_too_small",
  "image_undecodable",
  "image_truncated",
  "audio_undecodable",
  "audio_truncated",
  "audio_too_short",
  "render_failed",
  "storage_unavailable",
  "run_lost",
  "queue_timeout",
  "start_timeout",
  "run_timeout",
] as const satisfies readonly ErrorCode[];
