/** A header leads past the last byte: the file is cut off, or its lengths lie. */
export class EndOfFile extends Error {}

/** A header breaks the rules of its format. */
export class Damaged extends Error {}

export interface FileHeader {
  readonly size: number;
  /** @throws EndOfFile */
  read(at: number, length: number): Promise<DataView>;
  /** Whether the file has these bytes from `start` on. Looks at its end first, where they should be. */
  has(bytes: readonly number[], start: number): Promise<boolean>;
}

const STEP_BYTES = 64 * 1024;

/** Reads slices alone, so that the size of a file does not matter. */
export function openHeader(blob: Blob): FileHeader {
  const slice = async (start: number, end: number) =>
    new Uint8Array(await blob.slice(start, end).arrayBuffer());
  return {
    size: blob.size,
    async read(at, length) {
      if (at + length > blob.size) throw new EndOfFile();
      return new DataView((await slice(at, at + length)).buffer);
    },
    async has(wanted, start) {
      for (let end = blob.size; end > start; end -= STEP_BYTES) {
        const held = await slice(Math.max(start, end - STEP_BYTES), end + wanted.length - 1);
        if (includes(held, wanted)) return true;
      }
      return false;
    },
  };
}

function includes(bytes: Uint8Array, wanted: readonly number[]): boolean {
  const first = wanted[0] ?? 0;
  for (let at = bytes.indexOf(first); at >= 0; at = bytes.indexOf(first, at + 1)) {
    if (wanted.every((byte, i) => bytes[at + i] === byte)) return true;
  }
  return false;
}

export const textOf = (view: DataView, at: number, length: number) =>
  String.fromCharCode(...new Uint8Array(view.buffer, view.byteOffset + at, length));
