/** The parts of `@ffmpeg/core` and of Emscripten's file system that we use; the package has no types. */
export interface FfmpegCore {
  readonly FS: EmscriptenFileSystem;
  /** Runs ffmpeg to its end and returns its exit code. */
  exec(...args: string[]): number;
  setLogger(logger: (entry: { type: string; message: string }) => void): void;
}

export type CreateFfmpegCore = (options: { wasmBinary: Uint8Array }) => Promise<FfmpegCore>;

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
