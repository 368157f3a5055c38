import { AppError } from "../errors.ts";
import { type AudioLength, assertDense, type Density, undecodable } from "./audio-length.ts";
import { type ByteWindow, EndOfFile } from "./byte-source.ts";
import { type Box, type BoxReader, createBoxReader } from "./mp4-boxes.ts";
import { type Edit, readClock, readEdit } from "./mp4-edit-list.ts";
import { addFragment, type FragmentDefaults, readFragmentDefaults, type SampleSum } from "./mp4-fragments.ts";

/** A live stream of AAC may send each packet in a fragment of its own. */
const MAX_FRAGMENTS_PER_SECOND = 50;
const SPARE_FRAGMENTS = 200;
/** Around the header, and in front of each fragment. */
const MAX_OTHER_BOXES = 50;
/** Stereo at 192 kHz and 24 bit has 1.2 MB/s before it is compressed. */
const LOSSLESS: Density = { spareBytes: 4_000_000, bytesPerSecond: 2_500_000 };

interface Track {
  id: number;
  timescale: number;
  claimedTime: number;
  edit: Edit | undefined;
  listed: SampleSum;
  defaults: FragmentDefaults;
}

/** Sums up the samples that the tables list, and sees that the file has as many bytes as they need. */
export async function readM4a(window: ByteWindow): Promise<AudioLength> {
  const boxes = createBoxReader(window, undecodable);
  let track: Track | undefined;
  let mediaBytes = 0;
  let [fragments, otherBoxes] = [0, 0];
  let firstFragmentAt: number | undefined;
  for await (const box of boxes.list({ start: 0, end: window.size })) {
    if (box.type === "mdat") mediaBytes += box.end - box.start;
    else if (box.type === "moof" && track) {
      fragments += 1;
      await addFragment(boxes, box, track.id, track.defaults, track.listed);
      const seconds = track.listed.time / track.timescale;
      firstFragmentAt ??= box.start;
      assertDense(box.end - firstFragmentAt, seconds, LOSSLESS);
      if (fragments > SPARE_FRAGMENTS + seconds * MAX_FRAGMENTS_PER_SECOND)
        throw undecodable("The file is in too many fragments.");
    } else if (box.type === "moov" && !track) track = await readAudioTrack(boxes, box);
    else if (++otherBoxes > MAX_OTHER_BOXES * (1 + fragments))
      throw undecodable("The file has too many boxes.");
  }
  if (!track) throw undecodable("The M4A file has no header; its recording was probably never finished.");
  if (track.listed.bytes > mediaBytes) throw new EndOfFile();
  const { edit, listed, timescale } = track;
  if (edit) {
    const secondsFromStart = (listed.time - edit.start) / timescale;
    // The movie's clock is coarser than the track's.
    if (edit.seconds < secondsFromStart + 0.01) return { seconds: Math.min(edit.seconds, secondsFromStart) };
  }
  return { seconds: listed.time / timescale, claimedSeconds: track.claimedTime / timescale };
}

async function readAudioTrack(boxes: BoxReader, moov: Box): Promise<Track> {
  await boxes.preload(moov);
  for await (const trak of boxes.list(moov)) {
    if (trak.type !== "trak") continue;
    const handler = await boxes.find(trak, "mdia", "hdlr");
    if (!handler || (await boxes.read(handler)).toString("latin1", 8, 12) !== "soun") continue;

    const track = await readTrack(boxes, trak);
    // In a fragmented file it is about the part before the first fragment, or about all, as the writer liked.
    const isFragmented = (await boxes.find(moov, "mvex")) !== undefined;
    const edit = isFragmented ? undefined : await readEdit(boxes, moov, trak);
    return { ...track, edit, defaults: await readFragmentDefaults(boxes, moov, track.id) };
  }
  throw new AppError("unsupported_audio", { detail: "The MP4 file has no track of sound." });
}

async function readTrack(boxes: BoxReader, trak: Box): Promise<Omit<Track, "defaults" | "edit">> {
  const tables = await boxes.get(trak, "mdia", "minf", "stbl");
  const descriptions = await boxes.read(await boxes.get(tables, "stsd"));
  if (!/^(mp4a|alac|Opus|fLaC)$/.test(descriptions.toString("latin1", 12, 16))) {
    const detail = "The MP4 file holds sound of a kind that is not supported; AAC, ALAC, Opus and FLAC are.";
    throw new AppError("unsupported_audio", { detail });
  }
  const header = await boxes.read(await boxes.get(trak, "tkhd"));
  const { timescale, duration } = readClock(await boxes.read(await boxes.get(trak, "mdia", "mdhd")));
  if (!timescale) throw undecodable("The M4A file's mdhd box is damaged.");
  return {
    id: header.readUInt32BE(header[0] === 1 ? 20 : 12),
    timescale,
    claimedTime: duration,
    listed: sumTables(
      await boxes.read(await boxes.get(tables, "stts")),
      await boxes.read(await boxes.get(tables, "stsz")),
    ),
  };
}

/** `stts`: how many samples take how long, in runs. `stsz`: one size for all samples, or one for each. */
function sumTables(times: Buffer, sizes: Buffer): SampleSum {
  const samples = sizes.readUInt32BE(8);
  let bytes = sizes.readUInt32BE(4) * samples;
  if (bytes === 0) for (let index = 0; index < samples; index++) bytes += sizes.readUInt32BE(12 + 4 * index);

  let time = 0;
  let samplesLeft = samples;
  for (let run = 0; run < times.readUInt32BE(4) && samplesLeft > 0; run++) {
    const runSamples = Math.min(times.readUInt32BE(8 + 8 * run), samplesLeft);
    time += runSamples * times.readUInt32BE(12 + 8 * run);
    samplesLeft -= runSamples;
  }
  return { bytes, time };
}
