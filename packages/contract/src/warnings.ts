/** What an estimate can warn of. A code is never renamed. The first ones are those that a job may fail with. */
export const WARNING_CODES = [
  "no_face",
  "several_faces",
  "face_too_small",
  "image_undecodable",
  "image_truncated",
  "audio_undecodable",
  "audio_truncated",
  "audio_too_short",
  "audio_quiet",
  "image_small",
  "crop_loses_most",
  "url_fetched_again",
  "wait_too_long",
  "not_checked",
] as const;

export type WarningCode = (typeof WARNING_CODES)[number];
