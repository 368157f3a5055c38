import { closeSync, openSync, readSync, writeSync } from "node:fs";
import { type AbortSources, throwIfAborted } from "../abort.ts";
import type { EmscriptenFileSystem, Transfer } from "./ffmpeg-core.ts";

/** Files of the core's in-memory file system whose bytes live elsewhere: on disk or in our callbacks. */
export class CoreFiles {
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
