import { parentPort, workerData } from "node:worker_threads";
import type { ErrorCode } from "@avatar/contract/errors";
import type { Aspect, Fit } from "@avatar/contract/types";
import {
  type EncoderChoice,
  PreviewError,
  type PreviewErrorCode,
  renderPreview,
} from "@avatar/preview-engine";

export interface WorkerInput {
  imagePath: string;
  audioPath: string;
  audioSeconds: number;
  outputPath: string;
  aspect: Aspect;
  fit: Fit;
  seed: number;
  encoder: EncoderChoice;
  ffmpegPath: string | undefined;
  /** One shared number; not 0 means stop. */
  abortFlag: Int32Array;
}

export type FromWorker =
  | { type: "progress"; fraction: number }
  | { type: "log"; text: string }
  | { type: "done" }
  | { type: "failed"; code: ErrorCode; detail: string };

/** The preview engine's words in ours. */
const CODES: Record<PreviewErrorCode, ErrorCode> = {
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

const post = (message: FromWorker) => parentPort?.postMessage(message);

try {
  await renderPreview({
    ...(workerData as WorkerInput),
    onProgress: (fraction) => post({ type: "progress", fraction }),
    log: (text) => post({ type: "log", text }),
  });
  post({ type: "done" });
} catch (error) {
  if (!(error instanceof PreviewError)) throw error;
  const code = CODES[error.code];
  // What the encoder says is for the operator; what is wrong with the files is for the customer.
  if (code === "render_failed") throw error;
  post({ type: "failed", code, detail: error.message });
}
