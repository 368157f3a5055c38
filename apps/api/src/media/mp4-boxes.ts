import { undecodable } from "./audio-length.ts";
import { type ByteWindow, EndOfFile } from "./byte-source.ts";

export interface Box {
  type: string;
  /** Of what is in the box, behind its header. */
  start: number;
  end: number;
}

/** Ten minutes in fragments of a quarter of a second need fewer. */
const MAX_BOXES = 20_000;

export type BoxReader = ReturnType<typeof createBoxReader>;

/** Boxes (ISO 14496-12): a length, a type, and then data or more boxes. */
export function createBoxReader(window: ByteWindow) {
  let boxesLeft = MAX_BOXES;

  /** @throws EndOfFile when a box is longer than the file */
  async function* list(parent: Pick<Box, "start" | "end">): AsyncGenerator<Box> {
    let at = parent.start;
    while (at + 8 <= parent.end) {
      if (boxesLeft-- === 0) throw undecodable("The M4A file has too many boxes.");
      const head = await window.bytes(at, 8);
      let bytes = head.readUInt32BE(0);
      let headBytes = 8;
      if (bytes === 0) bytes = parent.end - at;
      if (bytes === 1) {
        bytes = Number((await window.bytes(at + 8, 8)).readBigUInt64BE(0));
        headBytes = 16;
      }
      const end = at + bytes;
      if (end > window.size) throw new EndOfFile();
      if (bytes < headBytes || end > parent.end) throw undecodable("A box of the M4A file is damaged.");
      yield { type: head.toString("latin1", 4, 8), start: at + headBytes, end };
      at = end;
    }
  }

  async function find(parent: Box, path: readonly string[]): Promise<Box | undefined> {
    const [type, ...rest] = path;
    if (type === undefined) return parent;
    for await (const box of list(parent)) if (box.type === type) return find(box, rest);
    return undefined;
  }

  return {
    list,
    find,
    /** What a box holds. It is read whole, so it must not be long. */
    async read(box: Box): Promise<Buffer> {
      if (box.end - box.start > MAX_READ_BYTES)
        throw undecodable(`The M4A file's ${box.type} box is too long.`);
      return window.bytes(box.start, box.end - box.start);
    },
  };
}

/** Ten minutes need 0.25 MB. */
const MAX_READ_BYTES = 4 * 1024 * 1024;
