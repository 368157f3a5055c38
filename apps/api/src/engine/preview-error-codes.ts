import type { ErrorCode } from "@avatar/contract/errors";
import type { PreviewErrorCode } from "@avatar/preview-engine";

/** The preview engine's words in ours. */
export const PREVIEW_ERROR_CODES: Record<PreviewErrorCode, ErrorCode> = {
  empty_image: "empty_file",
  unsupported_image: "unsupported_image",
  image_truncated: "image_truncated",
  image_undecodable: "image_undecodable",
  image_too_large: "image_too_many_pixels",
  image_too_small: "image_too_small",
  no_face: "no_face",
  several_faces: "several_faces",
  face_too_small: "face_too_small",
  empty_audio: "empty_file",
  unsupported_audio: "unsupported_audio",
  audio_truncated: "audio_truncated",
  audio_undecodable: "audio_undecodable",
  audio_too_short: "audio_too_short",
  encoder_unavailable: "render_failed",
  encoder_failed: "render_failed",
  aborted: "render_failed",
};
