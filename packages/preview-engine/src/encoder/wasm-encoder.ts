import { closeSync, openSync, readFileSync, readSync, writeSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type AbortSources, throwIfAborted } from "../abort.ts";
import { PreviewError } from "../preview-error.ts";
import type { Encoder } from "./encoder.ts";
import { decodingArguments, encodingArguments } from "./ffmpeg-arguments.ts";
import type { CreateFfmpegCore, EmscriptenFileSystem, FfmpegCore, Transfer } from "./ffmpeg-core.ts";
import { createSampleStream } from "./sample-stream.ts";

const RECORDING = "/recording";
const SAMPLES = "/samples";
const FRAMES = "/frames";
const VIDEO = "/video";

/**
 * ffmpeg compiled to WebAssembly: works wherever Node does, about five times slower than the program, and
 * blocks its thread. Recording, samples, frames and video stream through callbacks, so that none of them is
 * ever whole in memory.
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
  const core = await createCore();
  const files = new CoreFiles(core.FS, abort);
  try {
    task(core, files);
  } finally {
    files.close();
  }
}

let wasmBinary: Buffer | undefined;

async function createCore(): Promise<FfmpegCore> {
  const path = findFfmpegCore();
  if (path === undefined) {
    throw new PreviewError("encoder_unavailable", "The WebAssembly encoder (@ffmpeg/core) is not installed.");
  }
  // The core believes that it runs in a browser's worker and asks for these two.
  const scope = globalThis as { self?: unknown; location?: unknown };
  scope.self ??= globalThis;
  scope.location ??= { href: pathToFileURL(path).href };
  const create = createRequire(import.meta.url)(path) as CreateFfmpegCore;
  wasmBinary ??= readFileSync(join(dirname(path), "ffmpeg-core.wasm"));
  return create({ wasmBinary });
}

/** Path of the optional package's script, if it is installed. */
export function findFfmpegCore(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve("@ffmpeg/core");
  } catch {
    return undefined; // not installed: the caller says what that means
  }
}

/** Files of the core's in-memory file system whose bytes live elsewhere: on disk or in our callbacks. */
class CoreFiles {
  readonly #fs: EmscriptenFileSystem;
  readonly #abort: AbortSources;
  readonly #descriptors: number[] = [];
  #nextDevice = 64;

  constructor(fs: EmscriptenFileSystem, abort: AbortSources) {
    this.#fs = fs;
    this.#abort = abort;
  }

  /** A seekable file backed by one on disk. */
  openDisk(name: string, diskPath: string, flags: "r" | "w+", sizeBytes: number): void {
    const descriptor = openSync(diskPath, flags);
    this.#descriptors.push(descriptor);
    this.#fs.writeFile(name, new Uint8Array());
    const { node } = this.#fs.lookupPath(name);
    node.usedBytes = sizeBytes;
    node.stream_ops = {
      ...node.stream_ops,
      read: (_stream, memory, offset, length, position) => {
        throwIfAborted(this.#abort);
        return readSync(descriptor, memory, offset, length, position);
      },
      write: (_stream, memory, offset, length, position) => {
        const written = writeSync(descriptor, memory, offset, length, position);
        node.usedBytes = Math.max(node.usedBytes, position + written);
        return written;
      },
    };
  }

  /** A device that hands everything written to it to `take`. */
  createSink(name: string, take: (bytes: Uint8Array) => void): void {
    const write: Transfer = (_stream, memory, offset, length) => {
      throwIfAborted(this.#abort);
      take(new Uint8Array(memory.buffer, memory.byteOffset + offset, length));
      return length;
    };
    this.#createDevice(name, () => 0, write);
  }

  /** A device that reads like all of `next`'s pieces, one after the other, each asked for when it is needed. */
  createSource(name: string, next: () => Uint8Array | undefined): void {
    let piece: Uint8Array = new Uint8Array();
    const read: Transfer = (_stream, memory, offset, length) => {
      let filled = 0;
      while (filled < length) {
        if (piece.length === 0) {
          throwIfAborted(this.#abort);
          const following = next();
          if (following === undefined) break;
          piece = following;
        }
        const part = piece.subarray(0, length - filled);
        memory.set(part, offset + filled);
        piece = piece.subarray(part.length);
        filled += part.length;
      }
      return filled;
    };
    this.#createDevice(name, read, () => 0);
  }

  #createDevice(name: string, read: Transfer, write: Transfer): void {
    const device = this.#fs.makedev(this.#nextDevice++, 0);
    this.#fs.registerDevice(device, {
      open: (stream) => {
        stream.seekable = false;
      },
      close: () => {},
      read,
      write,
    });
    this.#fs.mkdev(name, device);
  }

  close(): void {
    for (const descriptor of this.#descriptors) closeSync(descriptor);
  }
}
