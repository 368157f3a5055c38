import { parentPort, workerData } from "node:worker_threads";
import type { ErrorCode } from "@avatar/contract/errors";
import type { Aspect, Fit } from "@avatar/contract/types";
import { type EncoderChoice, PreviewError, renderPreview } from "@avatar/preview-engine";
import { PREVIEW_ERROR_CODES } from "./preview-error-codes.ts";

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
  const code = PREVIEW_ERROR_CODES[error.code];
  // What the encoder says is for the operator; what is wrong with the files is for the customer.
  if (code === "render_failed") throw error;
  post({ type: "failed", code, detail: error.message });
}
