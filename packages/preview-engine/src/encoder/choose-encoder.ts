import { PreviewError } from "../preview-error.ts";
import type { Encoder, EncoderName } from "./encoder.ts";
import { findFfmpegCore } from "./ffmpeg-core.ts";
import { createProgramEncoder, isProgramUsable } from "./program-encoder.ts";
import { createWasmEncoder } from "./wasm-encoder.ts";

export type EncoderChoice = "auto" | EncoderName;

/**
 * The ffmpeg program when it can encode H.264 and AAC, else its WebAssembly build.
 *
 * @throws PreviewError `encoder_unavailable`.
 */
export async function chooseEncoder(
  choice: EncoderChoice,
  ffmpegPath: string,
  log: (message: string) => void,
): Promise<Encoder> {
  if (choice !== "wasm") {
    if (await isProgramUsable(ffmpegPath)) {
      log(`encoding with the program ${ffmpegPath}`);
      return createProgramEncoder(ffmpegPath);
    }
    if (choice === "ffmpeg") {
      throw new PreviewError(
        "encoder_unavailable",
        `There is no program "${ffmpegPath}" with H.264 (libx264) and AAC encoders. Install ffmpeg or use the wasm encoder.`,
      );
    }
  }
  if (findFfmpegCore() === undefined) {
    throw new PreviewError(
      "encoder_unavailable",
      "There is no encoder. Install ffmpeg or the package @ffmpeg/core.",
    );
  }
  log("encoding with ffmpeg's WebAssembly build, which is several times slower than the program");
  return createWasmEncoder();
}
