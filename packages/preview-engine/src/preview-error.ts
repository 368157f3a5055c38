/** Every way a render can fail. The codes are stable; callers branch on them. */
export type PreviewErrorCode =
  | "empty_image"
  | "unsupported_image"
  | "image_truncated"
  | "image_undecodable"
  | "image_too_large"
  | "image_too_small"
  | "no_face"
  | "several_faces"
  | "face_too_small"
  | "empty_audio"
  | "unsupported_audio"
  | "audio_truncated"
  | "audio_undecodable"
  | "audio_too_short"
  | "encoder_unavailable"
  | "encoder_failed"
  | "aborted";

/**
 * The only error `renderPreview` throws. `message` tells the person who supplied the files what is wrong
 * and what to do; `detail` is what a decoder or the system said, for a log.
 */
export class PreviewError extends Error {
  override readonly name = "PreviewError";
  readonly code: PreviewErrorCode;
  readonly detail: string | undefined;

  constructor(code: PreviewErrorCode, message: string, options: { detail?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.detail = options.detail ?? (options.cause instanceof Error ? options.cause.message : undefined);
  }
}
