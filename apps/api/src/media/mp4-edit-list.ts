import type { Box, BoxReader } from "./mp4-boxes.ts";

/**
 * How many seconds of a track are to be heard, where an edit list says so: it leaves out the silence that AAC
 * encoders put around the sound (ISO 14496-12, 8.6.6).
 */
export async function readEditedSeconds(boxes: BoxReader, moov: Box, trak: Box): Promise<number | undefined> {
  const [movie, edits] = [await boxes.find(moov, ["mvhd"]), await boxes.find(trak, ["edts", "elst"])];
  if (!movie || !edits) return undefined;
  const header = await boxes.read(movie);
  const timescale = header.readUInt32BE(header[0] === 1 ? 20 : 12);
  const ticks = sumEdits(await boxes.read(edits));
  // Fragmented files have an edit of no length, which means all.
  return timescale > 0 && ticks > 0 ? ticks / timescale : undefined;
}

function sumEdits(list: Buffer): number {
  const isLong = list[0] === 1;
  const entries = list.readUInt32BE(4);
  let ticks = 0;
  for (let index = 0, at = 8; index < entries; index++, at += isLong ? 20 : 12) {
    const isPause = (isLong ? list.readBigInt64BE(at + 8) : BigInt(list.readInt32BE(at + 4))) === -1n;
    if (!isPause) ticks += isLong ? Number(list.readBigUInt64BE(at)) : list.readUInt32BE(at);
  }
  return ticks;
}
