import { resolve } from "node:path";
import { throwIfAborted } from "../abort.ts";
import { PreviewError } from "../preview-error.ts";
import type { Encoder } from "./encoder.ts";
import { decodingArguments, encodingArguments } from "./ffmpeg-arguments.ts";
import { FfmpegError, runFfmpeg } from "./run-ffmpeg.ts";
import { createSampleStream } from "./sample-stream.ts";

const DEFAULT_STALL_TIMEOUT_MS = 60_000;

/** The ffmpeg program as a child process: the fastest encoder, used when it is installed. */
export function createProgramEncoder(ffmpegPath: string, stallTimeoutMs = DEFAULT_STALL_TIMEOUT_MS): Encoder {
  return {
    name: "ffmpeg",

    async decodeSpeech(recording, onSamples, abort) {
      const args = decodingArguments(recording, resolve(recording.path), "pipe:1");
      const onOutput = createSampleStream(onSamples);
      try {
        await runFfmpeg(ffmpegPath, args, { abort, stallTimeoutMs, onOutput });
      } catch (cause) {
        if (!(cause instanceof FfmpegError)) throw cause;
        throw new PreviewError("audio_undecodable", "The recording is damaged and cannot be decoded.", {
          cause,
        });
      }
    },

    async encodeVideo(job, abort) {
      const args = encodingArguments(
        job,
        "pipe:0",
        resolve(job.recording.path),
        `file:${resolve(job.outputPath)}`,
      );
      const feed = async (write: (bytes: Uint8Array) => Promise<void>) => {
        for (let index = 0; index < job.frameCount; index++) {
          throwIfAborted(abort);
          await write(job.drawFrame(index));
        }
      };
      try {
        await runFfmpeg(ffmpegPath, args, { abort, stallTimeoutMs, feed });
      } catch (cause) {
        if (!(cause instanceof FfmpegError)) throw cause;
        throw new PreviewError("encoder_failed", "The video could not be encoded.", { cause });
      }
    },
  };
}

const probes = new Map<string, Promise<boolean>>();

/** Whether this ffmpeg runs and has the H.264 and AAC encoders we need; asked once per path. */
export function isProgramUsable(ffmpegPath: string): Promise<boolean> {
  let probe = probes.get(ffmpegPath);
  if (probe === undefined) {
    probe = listsOurEncoders(ffmpegPath);
    probes.set(ffmpegPath, probe);
  }
  return probe;
}

async function listsOurEncoders(ffmpegPath: string): Promise<boolean> {
  let listing = "";
  const onOutput = (chunk: Buffer) => {
    listing += chunk.toString("latin1");
  };
  try {
    const args = ["-hide_banner", "-nostdin", "-encoders"];
    await runFfmpeg(ffmpegPath, args, { abort: {}, stallTimeoutMs: 10_000, onOutput });
  } catch (error) {
    if (error instanceof FfmpegError) return false;
    throw error;
  }
  return / libx264 /.test(listing) && / aac /.test(listing);
}
