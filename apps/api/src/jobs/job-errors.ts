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

/** What can be wrong with an upload beside what is in it. */
export const UPLOAD_ERRORS = [
  "upload_not_found",
  "upload_expired",
  "upload_mismatch",
  "storage_unavailable",
  "upload_incomplete",
] as const satisfies readonly ErrorCode[];
