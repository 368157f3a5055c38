import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { PreviewError } from "../preview-error.ts";

/** The parts of `@ffmpeg/core` and of Emscripten's file system that we use; the package has no types. */
export interface FfmpegCore {
  readonly FS: EmscriptenFileSystem;
  /** Runs ffmpeg to its end and returns its exit code. */
  exec(...args: string[]): number;
  setLogger(logger: (entry: { type: string; message: string }) => void): void;
}

type CreateFfmpegCore = (options: {
  instantiateWasm(imports: object, onReady: (instance: object, module: object) => void): object;
}) => Promise<FfmpegCore>;

interface WebAssemblyApi {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object, imports: object) => { readonly exports: object };
}

/** Node has it, but only the browser's type library declares it. */
function getWebAssembly(): WebAssemblyApi {
  return (globalThis as unknown as { WebAssembly: WebAssemblyApi }).WebAssembly;
}

export interface EmscriptenFileSystem {
  writeFile(path: string, data: Uint8Array): void;
  lookupPath(path: string): { node: FileNode };
  makedev(major: number, minor: number): number;
  registerDevice(device: number, operations: StreamOperations): void;
  mkdev(path: string, device: number): void;
}

export interface FileNode {
  usedBytes: number;
  stream_ops: StreamOperations;
}

/** Moves up to `length` bytes at `memory[offset]`; returns how many it moved. `memory` is the wasm heap. */
export type Transfer = (
  stream: { seekable: boolean },
  memory: Int8Array,
  offset: number,
  length: number,
  position: number,
) => number;

export interface StreamOperations {
  read: Transfer;
  write: Transfer;
  open?: (stream: { seekable: boolean }) => void;
  close?: () => void;
}

let compiled: object | undefined;

/**
 * Starts a core with an empty file system.
 *
 * @throws PreviewError `encoder_unavailable` when the optional package is not installed.
 */
export async function createFfmpegCore(): Promise<FfmpegCore> {
  const path = findFfmpegCore();
  if (path === undefined) {
    throw new PreviewError("encoder_unavailable", "The WebAssembly encoder (@ffmpeg/core) is not installed.");
  }
  const create = createRequire(import.meta.url)(path) as CreateFfmpegCore;
  const { Module, Instance } = getWebAssembly();
  compiled ??= new Module(readFileSync(join(dirname(path), "ffmpeg-core.wasm")));
  const module = compiled;
  return withBrowserScope(path, () =>
    create({
      // Left to itself the core reads and compiles its 32 MB anew each time.
      instantiateWasm(imports, onReady) {
        const instance = new Instance(module, imports);
        onReady(instance, module);
        return instance.exports;
      },
    }),
  );
}

/** The core believes that it runs in a browser's worker, and asks once, at its start, where it came from. */
function withBrowserScope<Result>(scriptPath: string, start: () => Result): Result {
  const scope = globalThis as { self?: unknown };
  const before = scope.self;
  scope.self = { location: pathToFileURL(scriptPath) };
  try {
    return start();
  } finally {
    if (before === undefined) delete scope.self;
    else scope.self = before;
  }
}

/** Path of the optional package's script, if it is installed. */
export function findFfmpegCore(): string | undefined {
  try {
    return createRequire(import.meta.url).resolve("@ffmpeg/core");
  } catch {
    return undefined; // not installed: the caller says what that means
  }
}
