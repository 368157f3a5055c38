import { type ByteWindow, EndOfFile } from "./byte-source.ts";

export interface Box {
  type: string;
  /** Of what is in the box, behind its header. */
  start: number;
  end: number;
}

/** Ten minutes in fragments of a quarter of a second need fewer. */
const MAX_BOXES = 20_000;
/** Tables of ten minutes have 0.25 MB. */
const MAX_BOX_BYTES = 4 * 1024 * 1024;
/** Of all that is read whole. */
const MAX_READ_BYTES = 8 * 1024 * 1024;

const PRELOADED_BYTES = 1024 * 1024;

export type BoxReader = ReturnType<typeof createBoxReader>;

/**
 * Boxes (ISO 14496-12): a length, a type, and then data or more boxes.
 * @param damaged makes the error to throw
 */
export function createBoxReader(window: ByteWindow, damaged: (detail: string) => Error) {
  let boxesLeft = MAX_BOXES;
  let bytesLeft = MAX_READ_BYTES;

  const bytesAt = (at: number, length: number) => window.held(at, length) ?? window.bytes(at, length);

  /** @throws EndOfFile when a box is longer than the file */
  async function* list(parent: Pick<Box, "start" | "end">): AsyncGenerator<Box> {
    let at = parent.start;
    while (at + 8 <= parent.end) {
      if (boxesLeft-- === 0) throw damaged("The file has too many boxes.");
      const head = await bytesAt(at, 8);
      let bytes = head.readUInt32BE(0);
      let headBytes = 8;
      if (bytes === 0) bytes = parent.end - at;
      if (bytes === 1) {
        bytes = Number((await bytesAt(at + 8, 8)).readBigUInt64BE(0));
        headBytes = 16;
      }
      const end = at + bytes;
      if (end > window.size) throw new EndOfFile();
      if (bytes < headBytes || end > parent.end) throw damaged("A box of the file is damaged.");
      yield { type: head.toString("latin1", 4, 8), start: at + headBytes, end };
      at = end;
    }
  }

  async function find(parent: Box, ...path: string[]): Promise<Box | undefined> {
    const [type, ...rest] = path;
    if (type === undefined) return parent;
    for await (const box of list(parent)) if (box.type === type) return find(box, ...rest);
    return undefined;
  }

  async function get(parent: Box, ...path: string[]): Promise<Box> {
    const box = await find(parent, ...path);
    if (!box) throw damaged(`The file has no ${path.at(-1)} box.`);
    return box;
  }

  /** What a box holds. It is read whole, so it must not be long. */
  async function read(box: Box): Promise<Buffer> {
    const bytes = box.end - box.start;
    bytesLeft -= bytes;
    if (bytes > MAX_BOX_BYTES || bytesLeft < 0) throw damaged(`The file's ${box.type} box is too long.`);
    return bytesAt(box.start, bytes);
  }

  /** Brings the start of a box to hand in one read of the store: enough for a header of ten minutes. */
  const preload = async (box: Box) => {
    await bytesAt(box.start, Math.min(box.end - box.start, PRELOADED_BYTES));
  };

  return { list, find, get, read, preload };
}
