import { randomUUID } from "node:crypto";
import { rename, rm } from "node:fs/promises";
import { type AbortSources, throwIfAborted } from "./abort.ts";
import { planMouth } from "./audio/mouth-track.ts";
import { inspectRecording, type Recording } from "./audio/recording.ts";
import { createSpeechAnalyser, type SpeechFrame } from "./audio/speech-analyser.ts";
import { chooseEncoder, type EncoderChoice } from "./encoder/choose-encoder.ts";
import type { Encoder, EncoderName } from "./encoder/encoder.ts";
import { findFace } from "./face/find-face.ts";
import { type Aspect, composeFrame, type Fit, moveIntoFrame } from "./image/composition.ts";
import { drawComposition } from "./image/draw-composition.ts";
import { loadPortrait } from "./image/load-portrait.ts";
import { planHead } from "./motion/head-motion.ts";
import { PreviewError } from "./preview-error.ts";
import { createFrameRenderer } from "./render/frame-renderer.ts";
import { FRAMES_PER_SECOND, SAMPLE_RATE_HZ } from "./timing.ts";

export { checkInputs, type InputCheckOptions } from "./check-inputs.ts";
export { PreviewError, type PreviewErrorCode } from "./preview-error.ts";
export type { Aspect, EncoderChoice, EncoderName, Fit };

export interface PreviewOptions {
  /** JPEG, PNG or WebP with one face, seen from the front. */
  readonly imagePath: string;
  /** WAV, MP3, M4A, AAC, OGG or FLAC. */
  readonly audioPath: string;
  /**
   * Where the recording ends, in seconds, if that is known: AAC fills up its last packet with silence. Nothing after
   * it is decoded, however much there is. By default it ends where its sound ends.
   */
  readonly audioSeconds?: number | undefined;
  /** Where the MP4 goes; it appears there whole or not at all. */
  readonly outputPath: string;
  /** Default `auto`: the shape nearest to the portrait's. */
  readonly aspect?: Aspect | undefined;
  /** Default `crop`. */
  readonly fit?: Fit | undefined;
  /** Head movement and blinks depend on it alone. Default 1. */
  readonly seed?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * View of a SharedArrayBuffer; a non-zero first element stops the render. Needed beside `signal` because
   * the wasm encoder blocks its thread, so that no event reaches it.
   */
  readonly abortFlag?: Int32Array | undefined;
  /** Called with the done share, 0 to 1, at most a hundred times. */
  readonly onProgress?: ((fraction: number) => void) | undefined;
  /** Default `auto`: the ffmpeg program when it is usable, else its WebAssembly build. */
  readonly encoder?: EncoderChoice | undefined;
  /** Default `ffmpeg`, looked up on PATH. */
  readonly ffmpegPath?: string | undefined;
  readonly log?: ((message: string) => void) | undefined;
}

export interface PreviewResult {
  readonly width: number;
  readonly height: number;
  readonly fps: number;
  readonly frames: number;
  readonly durationSeconds: number;
  readonly encoder: EncoderName;
}

const MIN_RECORDING_SECONDS = 0.2;

/**
 * Renders a talking portrait to an MP4 (H.264 and AAC, 25 fps, 1280x720, 720x1280 or 960x960) on the CPU. The
 * same inputs, seed and encoder give the same bytes. Drawing blocks the thread: run it in a worker.
 *
 * @throws PreviewError, and nothing else. After one there is no output file.
 */
export async function renderPreview(options: PreviewOptions): Promise<PreviewResult> {
  const partialPath = `${options.outputPath}.${randomUUID()}.part`;
  try {
    const result = await renderTo(partialPath, options);
    await rename(partialPath, options.outputPath);
    return result;
  } catch (error) {
    await rm(partialPath, { force: true });
    if (error instanceof PreviewError) throw error;
    throw new PreviewError("encoder_failed", "The video could not be written.", { cause: error });
  }
}

async function renderTo(partialPath: string, options: PreviewOptions): Promise<PreviewResult> {
  const { aspect = "auto", fit = "crop", seed = 1, log = () => {} } = options;
  const abort = { signal: options.signal, flag: options.abortFlag };
  throwIfAborted(abort);
  const portrait = await loadPortrait(options.imagePath);
  const recording = await inspectRecording(options.audioPath, options.audioSeconds);
  const encoder = await chooseEncoder(options.encoder ?? "auto", options.ffmpegPath ?? "ffmpeg", log);
  throwIfAborted(abort);
  const { landmarks } = findFace(portrait);
  throwIfAborted(abort);
  const speech = await analyseRecording(encoder, recording, abort);

  const composition = composeFrame(portrait, landmarks, aspect, fit);
  const still = await drawComposition(portrait, composition);
  const drawPose = createFrameRenderer(still, moveIntoFrame(landmarks, composition), composition.target);
  const mouth = planMouth(speech);
  const head = planHead(
    mouth.map(({ loudness }) => loudness),
    seed,
  );

  const { width, height } = composition.frame;
  const frames = speech.length;
  const reportProgress = throttleToPercent(options.onProgress);
  await encoder.encodeVideo(
    {
      recording,
      outputPath: partialPath,
      width,
      height,
      frameCount: frames,
      drawFrame(index) {
        const [mouthPose, headPose] = [mouth[index], head[index]];
        if (!mouthPose || !headPose) throw new RangeError(`There is no frame ${index}`);
        reportProgress(index / frames);
        return drawPose(mouthPose, headPose);
      },
    },
    abort,
  );
  throwIfAborted(abort);
  reportProgress(1);
  return {
    width,
    height,
    fps: FRAMES_PER_SECOND,
    frames,
    durationSeconds: frames / FRAMES_PER_SECOND,
    encoder: encoder.name,
  };
}

async function analyseRecording(
  encoder: Encoder,
  recording: Recording,
  abort: AbortSources,
): Promise<SpeechFrame[]> {
  const analyser = createSpeechAnalyser();
  await encoder.decodeSpeech(recording, analyser.push, abort);
  const { frames, sampleCount } = analyser.finish();
  const seconds = sampleCount / SAMPLE_RATE_HZ;
  const { declaredSeconds = 0, endSeconds = Number.POSITIVE_INFINITY } = recording;
  if (seconds < Math.min(declaredSeconds, endSeconds) - 0.1) {
    throw new PreviewError("audio_truncated", "The recording is incomplete. Upload it again.", {
      detail: `${seconds} of ${declaredSeconds} s`,
    });
  }
  if (seconds < MIN_RECORDING_SECONDS) {
    throw new PreviewError(
      "audio_too_short",
      `The recording holds ${seconds.toFixed(2)} s of sound; at least ${MIN_RECORDING_SECONDS} s are needed.`,
    );
  }
  return frames;
}

function throttleToPercent(onProgress: ((fraction: number) => void) | undefined): (fraction: number) => void {
  let lastPercent = -1;
  return (fraction) => {
    const percent = Math.floor(100 * fraction);
    if (percent === lastPercent) return;
    lastPercent = percent;
    onProgress?.(fraction);
  };
}
