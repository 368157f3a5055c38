import type { ObjectStore } from "../storage/object-store.ts";

/** A file that is read in pieces. */
export interface ByteSource {
  readonly size: number;
  /** Bytes `start` up to, not including, `end`, which is at most `size`. */
  read(start: number, end: number): Promise<Uint8Array>;
}

export function objectSource(store: Pick<ObjectStore, "read">, key: string, size: number): ByteSource {
  return {
    size,
    async read(start, end) {
      const bytes = Buffer.allocUnsafe(end - start);
      let filled = 0;
      for await (const chunk of await store.read(key, { start, end })) {
        bytes.set(chunk.subarray(0, bytes.length - filled), filled);
        filled = Math.min(bytes.length, filled + chunk.length);
      }
      return bytes.subarray(0, filled);
    },
  };
}

/** A parser was led past the last byte: the file is cut off, or its lengths lie. */
export class EndOfFile extends Error {
  override readonly name = "EndOfFile";
}

/** A parser was led to more places than a file of use has. */
export class TooScattered extends Error {
  override readonly name = "TooScattered";
}

export interface ByteWindow {
  readonly size: number;
  /** @throws EndOfFile @throws TooScattered */
  bytes(at: number, length: number): Promise<Buffer>;
  /**
   * The same bytes where they are at hand, else undefined: a loop over a hundred thousand frames must not wait for
   * each of them.
   */
  held(at: number, length: number): Buffer | undefined;
}

const MAX_WINDOW_BYTES = 4 * 1024 * 1024;
/** Lossless sound of 100 MB in fragments of two seconds needs 300. */
const MAX_JUMPS = 500;

/**
 * Holds a part of the file, so that many small reads in sequence are few reads of the store, each of which may be a
 * request of tens of milliseconds. While the parser goes on through the file the window doubles; where it jumps,
 * which is what a list of boxes or a tag makes it do, it starts again with `startBytes`.
 */
export function createByteWindow(source: ByteSource, startBytes: number): ByteWindow {
  let start = 0;
  let held: Buffer = Buffer.alloc(0);
  let windowBytes = 0;
  let jumps = 0;

  const find = (at: number, length: number) =>
    at >= start && at + length <= start + held.length
      ? held.subarray(at - start, at - start + length)
      : undefined;

  /** To skip less than was read is no jump: the next step will be as short. */
  const goesOn = (at: number) => windowBytes > 0 && at >= start && at <= start + 2 * held.length;

  return {
    size: source.size,
    held: find,
    async bytes(at, length) {
      if (at + length > source.size) throw new EndOfFile();
      if (length === 0) return Buffer.alloc(0);
      const found = find(at, length);
      if (found) return found;
      if (!goesOn(at) && jumps++ === MAX_JUMPS) throw new TooScattered();
      windowBytes = goesOn(at) ? Math.min(2 * windowBytes, MAX_WINDOW_BYTES) : startBytes;
      held = Buffer.alloc(0); // Two windows at once would be twice the memory.
      const read = await source.read(at, Math.min(source.size, at + Math.max(length, windowBytes)));
      held = Buffer.from(read.buffer, read.byteOffset, read.byteLength);
      start = at;
      if (held.length < length) throw new EndOfFile();
      return held.subarray(0, length);
    },
  };
}
