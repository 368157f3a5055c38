import { type AbortSources, throwIfAborted } from "../abort.ts";
import { PreviewError } from "../preview-error.ts";
import { CoreFiles } from "./core-files.ts";
import type { Encoder } from "./encoder.ts";
import { decodingArguments, encodingArguments } from "./ffmpeg-arguments.ts";
import { createFfmpegCore, type FfmpegCore } from "./ffmpeg-core.ts";
import { createSampleStream } from "./sample-stream.ts";

const RECORDING = "/recording";
const SAMPLES = "/samples";
const FRAMES = "/frames";
const VIDEO = "/video";

/**
 * ffmpeg compiled to WebAssembly: works wherever Node does, several times slower than the program, and
 * blocks its thread. Recording, samples, frames and video stream through callbacks (the video straight to
 * disk), so that none of them is ever whole in memory.
 */
export function createWasmEncoder(): Encoder {
  return {
    name: "wasm",

    async decodeSpeech(recording, onSamples, abort) {
      await withCore(abort, (core, files) => {
        files.openDisk(RECORDING, recording.path, "r", recording.sizeBytes);
        files.createSink(SAMPLES, createSampleStream(onSamples));
        execute(core, decodingArguments(recording, RECORDING, SAMPLES), "audio_undecodable");
      });
    },

    async encodeVideo(job, abort) {
      await withCore(abort, (core, files) => {
        files.openDisk(RECORDING, job.recording.path, "r", job.recording.sizeBytes);
        files.openDisk(VIDEO, job.outputPath, "w+", 0);
        let next = 0;
        files.createSource(FRAMES, () => (next < job.frameCount ? job.drawFrame(next++) : undefined));
        execute(core, encodingArguments(job, FRAMES, RECORDING, VIDEO), "encoder_failed");
      });
    },
  };
}

const MESSAGES = {
  audio_undecodable: "The recording is damaged and cannot be decoded.",
  encoder_failed: "The video could not be encoded.",
} as const;

function execute(core: FfmpegCore, args: readonly string[], code: keyof typeof MESSAGES): void {
  const said: string[] = [];
  core.setLogger(({ message }) => {
    said.push(message);
    if (said.length > 20) said.shift();
  });
  let exitCode: number;
  try {
    exitCode = core.exec(...args);
  } catch (cause) {
    // What our own callbacks throw (an abort) passes through the wasm frames as it is.
    if (cause instanceof PreviewError) throw cause;
    throw new PreviewError(code, MESSAGES[code], { cause });
  }
  if (exitCode !== 0) throw new PreviewError(code, MESSAGES[code], { detail: said.join("\n") });
}

/** A fresh core per task: one that was left by an exception is in no state to be used again. */
async function withCore(
  abort: AbortSources,
  task: (core: FfmpegCore, files: CoreFiles) => void,
): Promise<void> {
  throwIfAborted(abort);
  const core = await createFfmpegCore();
  const files = new CoreFiles(core.FS, abort);
  try {
    task(core, files);
  } finally {
    files.close();
  }
}
