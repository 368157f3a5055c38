import type { Box, BoxReader } from "./mp4-boxes.ts";

/** Where the bytes of a file's samples may be. */
export type Range = Pick<Box, "start" | "end">;

export interface SampleTable {
  samples: number;
  /** From the first sample's decoding to the end of the last, in ticks of the track. */
  time: number;
  /** How long after its decoding the first sample is shown: a stream with B-frames starts late. */
  firstShownAt: number;
}

/**
 * Reads a track's tables (ISO 14496-12, 8.6 and 8.7) and sees that they agree: `stts` and `stsc` are about as many
 * samples as `stsz` lists, and the bytes of each are within `media`.
 */
export async function readSampleTable(
  boxes: BoxReader,
  stbl: Box,
  media: Range,
  damaged: (detail: string) => Error,
): Promise<SampleTable> {
  const table = async (type: string) => boxes.read(await boxes.get(stbl, type));
  const sizes = await table("stsz");
  const { samples, time } = sumTimes(await table("stts"));
  if (samples === 0) throw damaged("A track has no samples.");
  if (samples !== sizes.readUInt32BE(8)) throw damaged("A track's tables disagree on the number of samples.");

  const shortOffsets = await boxes.find(stbl, "stco");
  const offsets = await boxes.read(shortOffsets ?? (await boxes.get(stbl, "co64")));
  const chunks = readOffsets(offsets, shortOffsets ? 4 : 8);
  if (placeSamples(chunks, readRuns(await table("stsc")), sizes, media) !== samples)
    throw damaged("A track's samples are not all within the file.");

  const shifts = await boxes.find(stbl, "ctts");
  return { samples, time, firstShownAt: shifts ? (await boxes.read(shifts)).readInt32BE(12) : 0 };
}

function sumTimes(times: Buffer): Omit<SampleTable, "firstShownAt"> {
  let samples = 0;
  let time = 0;
  for (let run = 0; run < times.readUInt32BE(4); run++) {
    samples += times.readUInt32BE(8 + 8 * run);
    time += times.readUInt32BE(8 + 8 * run) * times.readUInt32BE(12 + 8 * run);
  }
  return { samples, time };
}

function readOffsets(table: Buffer, bytes: 4 | 8): number[] {
  const count = table.readUInt32BE(4);
  if (count > table.length) throw new RangeError("The table is shorter than it says.");
  return Array.from({ length: count }, (_, index) =>
    bytes === 4 ? table.readUInt32BE(8 + 4 * index) : Number(table.readBigUInt64BE(8 + 8 * index)),
  );
}

/** From this chunk on, each has so many samples. Chunks count from 1. */
interface Run {
  firstChunk: number;
  samples: number;
}

function readRuns(table: Buffer): Run[] {
  const count = table.readUInt32BE(4);
  if (count > table.length) throw new RangeError("The table is shorter than it says.");
  return Array.from({ length: count }, (_, index) => ({
    firstChunk: table.readUInt32BE(8 + 12 * index),
    samples: table.readUInt32BE(12 + 12 * index),
  }));
}

/** How many samples have their bytes within `media`; undefined when a chunk lies elsewhere or is filled wrongly. */
function placeSamples(
  chunks: readonly number[],
  runs: readonly Run[],
  sizes: Buffer,
  media: Range,
): number | undefined {
  const equalSize = sizes.readUInt32BE(4);
  const samples = sizes.readUInt32BE(8);
  let run = -1;
  let sample = 0;
  for (const [index, offset] of chunks.entries()) {
    if (runs[run + 1]?.firstChunk === index + 1) run += 1;
    const end = sample + (runs[run]?.samples ?? 0);
    if (end === sample || end > samples) return undefined;
    let bytes = 0;
    for (; sample < end; sample++) {
      const size = equalSize || sizes.readUInt32BE(12 + 4 * sample);
      if (size === 0) return undefined;
      bytes += size;
    }
    if (offset < media.start || offset + bytes > media.end) return undefined;
  }
  return run === runs.length - 1 ? sample : undefined;
}
