import type { Box, BoxReader } from "./mp4-boxes.ts";

/** One stretch of a track. */
export interface Edit {
  /** Before it nothing is shown or heard. */
  pauseSeconds: number;
  /** In ticks of the track. */
  start: number;
  seconds: number;
}

/**
 * The one stretch of a track that is to be heard, where its edit list names one: it leaves out the silence that AAC
 * encoders put around the sound (ISO 14496-12, 8.6.6). Undefined for every other list: players differ in what they
 * make of those.
 */
export async function readEdit(boxes: BoxReader, moov: Box, trak: Box): Promise<Edit | undefined> {
  const [movie, list] = [await boxes.find(moov, "mvhd"), await boxes.find(trak, "edts", "elst")];
  if (!movie || !list) return undefined;
  const { timescale } = readClock(await boxes.read(movie));
  const entries = readEntries(await boxes.read(list));
  const pause = entries[0]?.start === PAUSE ? entries.shift() : undefined;
  const [edit, ...more] = entries;
  if (!edit || more.length > 0 || edit.start < 0 || edit.ticks === 0 || timescale === 0) return undefined;
  return {
    pauseSeconds: (pause?.ticks ?? 0) / timescale,
    start: edit.start,
    seconds: edit.ticks / timescale,
  };
}

/** Of an `mvhd` or `mdhd` box: ticks per second, and a duration in ticks, which is 0 where it is not known. */
export function readClock(header: Buffer): { timescale: number; duration: number } {
  if (header[0] !== 1) {
    const duration = header.readUInt32BE(16);
    return { timescale: header.readUInt32BE(12), duration: duration === 0xffff_ffff ? 0 : duration };
  }
  const duration = Number(header.readBigUInt64BE(24));
  return { timescale: header.readUInt32BE(20), duration: duration >= 2 ** 63 ? 0 : duration };
}

const PAUSE = -1;

/** `ticks` are the movie's, `start` is in those of the track. */
function readEntries(list: Buffer): { ticks: number; start: number }[] {
  const isLong = list[0] === 1;
  const entryBytes = isLong ? 20 : 12;
  return Array.from({ length: Math.min(list.readUInt32BE(4), MAX_ENTRIES) }, (_, index) => {
    const at = 8 + index * entryBytes;
    return isLong
      ? { ticks: Number(list.readBigUInt64BE(at)), start: Number(list.readBigInt64BE(at + 8)) }
      : { ticks: list.readUInt32BE(at), start: list.readInt32BE(at + 4) };
  });
}

/** More than can be used. */
const MAX_ENTRIES = 3;
