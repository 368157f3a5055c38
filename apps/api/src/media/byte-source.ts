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
      const chunks: Uint8Array[] = [];
      for await (const chunk of await store.read(key, { start, end })) chunks.push(chunk);
      return Buffer.concat(chunks);
    },
  };
}

/** A parser was led past the last byte: the file is cut off, or its lengths lie. */
export class EndOfFile extends Error {
  override readonly name = "EndOfFile";
}

export interface ByteWindow {
  readonly size: number;
  /** @throws EndOfFile */
  bytes(at: number, length: number): Promise<Buffer>;
}

/** Holds `windowBytes` of the file, so that many small reads in sequence are few reads of the store. */
export function createByteWindow(source: ByteSource, windowBytes: number): ByteWindow {
  let start = 0;
  let held: Buffer = Buffer.alloc(0);
  return {
    size: source.size,
    async bytes(at, length) {
      if (at + length > source.size) throw new EndOfFile();
      if (at < start || at + length > start + held.length) {
        const end = Math.min(source.size, at + Math.max(length, windowBytes));
        const read = await source.read(at, end);
        held = Buffer.from(read.buffer, read.byteOffset, read.byteLength);
        start = at;
        if (held.length < length) throw new EndOfFile();
      }
      return held.subarray(at - start, at - start + length);
    },
  };
}
