import { throwIfAborted } from "./abort.ts";
import { createAudibleMeter } from "./audio/audible-seconds.ts";
import { inspectRecording } from "./audio/recording.ts";
import { chooseEncoder, type EncoderChoice } from "./encoder/choose-encoder.ts";
import { findFace } from "./face/find-face.ts";
import { loadPortrait } from "./image/load-portrait.ts";
import { PreviewError } from "./preview-error.ts";

export interface InputCheckOptions {
  readonly imagePath: string;
  readonly audioPath: string;
  /** Where the recording ends, as in `PreviewOptions`. */
  readonly audioSeconds?: number | undefined;
  readonly encoder?: EncoderChoice | undefined;
  readonly ffmpegPath?: string | undefined;
  /** As in `PreviewOptions`. */
  readonly abortFlag?: Int32Array | undefined;
}

export interface InputCheck {
  /** What `renderPreview` would refuse the files with: at most one error for each. */
  readonly faults: PreviewError[];
  /** In how many seconds of the recording anything is heard. */
  readonly audibleSeconds: number;
}

/**
 * Decodes both files and looks for the face, without rendering. Blocks the thread for a while: run it in a worker.
 *
 * @throws PreviewError `aborted`.
 */
export async function checkInputs(options: InputCheckOptions): Promise<InputCheck> {
  const meter = createAudibleMeter();
  const faults: PreviewError[] = [];
  const abort = { flag: options.abortFlag };
  const noting = async (work: () => Promise<void>) => {
    throwIfAborted(abort);
    try {
      await work();
    } catch (error) {
      if (!(error instanceof PreviewError) || error.code === "aborted") throw error;
      faults.push(error);
    }
  };
  await noting(async () => void findFace(await loadPortrait(options.imagePath)));
  await noting(async () => {
    const recording = await inspectRecording(options.audioPath, options.audioSeconds);
    const encoder = await chooseEncoder(options.encoder ?? "auto", options.ffmpegPath ?? "ffmpeg", () => {});
    await encoder.decodeSpeech(recording, meter.push, abort);
  });
  return { faults, audibleSeconds: meter.audibleSeconds() };
}
