import type { Box, BoxReader } from "./mp4-boxes.ts";

/** The samples that are listed: their bytes, and their time in units of the track. */
export interface SampleSum {
  bytes: number;
  time: number;
}

/** What holds for samples that do not say it themselves. */
export interface FragmentDefaults {
  time: number;
  bytes: number;
}

/** Browsers record MP4 in fragments, each with its own list of samples; the header has only the defaults. */
export async function readFragmentDefaults(
  boxes: BoxReader,
  moov: Box,
  trackId: number,
): Promise<FragmentDefaults> {
  const extension = await boxes.find(moov, "mvex");
  if (extension) {
    for await (const box of boxes.list(extension)) {
      const fields = box.type === "trex" ? await boxes.read(box) : undefined;
      if (fields?.readUInt32BE(4) === trackId)
        return { time: fields.readUInt32BE(12), bytes: fields.readUInt32BE(16) };
    }
  }
  return { time: 0, bytes: 0 };
}

/** Adds the samples of one fragment to `sum`. */
export async function addFragment(
  boxes: BoxReader,
  moof: Box,
  trackId: number,
  movieDefaults: FragmentDefaults,
  sum: SampleSum,
): Promise<void> {
  for await (const traf of boxes.list(moof)) {
    if (traf.type !== "traf") continue;
    let defaults: FragmentDefaults | undefined;
    for await (const box of boxes.list(traf)) {
      if (box.type === "tfhd") defaults = readHeader(await boxes.read(box), trackId, movieDefaults);
      if (box.type === "trun" && defaults) addRun(await boxes.read(box), defaults, sum);
    }
  }
}

/** Undefined for a fragment of another track. */
function readHeader(
  header: Buffer,
  trackId: number,
  defaults: FragmentDefaults,
): FragmentDefaults | undefined {
  if (header.readUInt32BE(4) !== trackId) return undefined;
  const flags = header.readUIntBE(1, 3);
  let at = 8 + (flags & 0x1 ? 8 : 0) + (flags & 0x2 ? 4 : 0);
  const read = (flag: number, otherwise: number): number => {
    if (!(flags & flag)) return otherwise;
    at += 4;
    return header.readUInt32BE(at - 4);
  };
  return { time: read(0x8, defaults.time), bytes: read(0x10, defaults.bytes) };
}

function addRun(run: Buffer, defaults: FragmentDefaults, sum: SampleSum): void {
  const flags = run.readUIntBE(1, 3);
  const samples = run.readUInt32BE(4);
  const hasTime = (flags & 0x100) !== 0;
  const hasBytes = (flags & 0x200) !== 0;
  if (!hasTime) sum.time += samples * defaults.time;
  if (!hasBytes) sum.bytes += samples * defaults.bytes;
  if (!hasTime && !hasBytes) return;

  const sampleBytes = 4 * [0x100, 0x200, 0x400, 0x800].filter((flag) => flags & flag).length;
  let at = 8 + (flags & 0x1 ? 4 : 0) + (flags & 0x4 ? 4 : 0);
  for (let index = 0; index < samples; index++, at += sampleBytes) {
    if (hasTime) sum.time += run.readUInt32BE(at);
    if (hasBytes) sum.bytes += run.readUInt32BE(at + (hasTime ? 4 : 0));
  }
}
