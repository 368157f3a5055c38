import { type ByteSource, createByteWindow, EndOfFile, TooScattered } from "./byte-source.ts";
import { type Box, type BoxReader, createBoxReader } from "./mp4-boxes.ts";
import { readClock, readEdit } from "./mp4-edit-list.ts";
import { type Range, readSampleTable } from "./mp4-sample-table.ts";
import { describesAac, readAvcSize } from "./mp4-video-formats.ts";

export interface VideoFacts {
  width: number;
  height: number;
  /** What is to be seen, from the lists of samples and the edit list, not from a header alone. */
  videoSeconds: number;
  /** What is to be heard. */
  audioSeconds: number;
}

/** The file is no video that our players can play. The message says why. */
export class VideoUnplayable extends Error {
  override readonly name = "VideoUnplayable";
}

const unplayable = (detail: string) => new VideoUnplayable(detail);

/** What headers and lists may differ by: the movie's clock is coarser than the tracks'. */
const ROUNDING_SECONDS = 0.01;

/**
 * Reads an MP4's header as a player does: H.264 pictures and AAC sound, with the index in front of both.
 * @throws VideoUnplayable
 */
export async function inspectVideo(source: ByteSource): Promise<VideoFacts> {
  try {
    const boxes = createBoxReader(createByteWindow(source, 64 * 1024), unplayable);
    const { moov, media } = await findParts(boxes, source.size);
    return await readMovie(boxes, moov, media);
  } catch (error) {
    if (error instanceof EndOfFile) throw unplayable("The file is cut off.");
    if (error instanceof TooScattered) throw unplayable("The file is in too many pieces.");
    // A Buffer refuses reads behind its end: here, of a field that its box is too short for.
    throw error instanceof RangeError ? unplayable("A box of the file is too short.") : error;
  }
}

async function findParts(boxes: BoxReader, size: number): Promise<{ moov: Box; media: Range }> {
  if (size === 0) throw unplayable("The file is empty.");
  let isFirst = true;
  let moov: Box | undefined;
  let media: Range | undefined;
  for await (const box of boxes.list({ start: 0, end: size })) {
    if (isFirst && box.type !== "ftyp") throw unplayable("The file is not an MP4.");
    isFirst = false;
    if (box.type === "moof") throw unplayable("The file is in fragments.");
    if (box.type === "moov" && moov) throw unplayable("The file has two headers.");
    if (box.type === "moov") moov = box;
    if (box.type !== "mdat") continue;
    if (!moov) throw unplayable("The file's header is behind its pictures, or missing.");
    media = { start: media?.start ?? box.start, end: box.end };
  }
  if (isFirst) throw unplayable("The file is not an MP4.");
  if (!moov) throw unplayable("The file has no header.");
  if (!media) throw unplayable("The file has a header and nothing else.");
  return { moov, media };
}

async function readMovie(boxes: BoxReader, moov: Box, media: Range): Promise<VideoFacts> {
  await boxes.preload(moov);
  if (await boxes.find(moov, "mvex")) throw unplayable("The file is in fragments.");
  let video: { width: number; height: number; seconds: number } | undefined;
  let audio: { seconds: number } | undefined;
  for await (const trak of boxes.list(moov)) {
    if (trak.type !== "trak") continue;
    const kind = (await boxes.read(await boxes.get(trak, "mdia", "hdlr"))).toString("latin1", 8, 12);
    const format = await boxes.read(await boxes.get(trak, "mdia", "minf", "stbl", "stsd"));
    if (kind === "vide") {
      if (video) throw unplayable("The file has two tracks of pictures.");
      video = {
        ...(await readSize(boxes, trak, format)),
        seconds: await readSeconds(boxes, moov, trak, media),
      };
    } else if (kind === "soun") {
      if (audio) throw unplayable("The file has two tracks of sound.");
      if (!describesAac(format)) throw unplayable("The sound is not AAC.");
      audio = { seconds: await readSeconds(boxes, moov, trak, media) };
    } else throw unplayable("The file has a track that is neither pictures nor sound.");
  }
  if (!video) throw unplayable("The file has no pictures.");
  if (!audio) throw unplayable("The file has no sound.");
  const { timescale, duration } = readClock(await boxes.read(await boxes.get(moov, "mvhd")));
  const longest = Math.max(video.seconds, audio.seconds);
  if (!(Math.abs(duration / timescale - longest) <= ROUNDING_SECONDS))
    throw unplayable("The file's header gives another length than its tracks have.");
  return {
    width: video.width,
    height: video.height,
    videoSeconds: video.seconds,
    audioSeconds: audio.seconds,
  };
}

async function readSize(
  boxes: BoxReader,
  trak: Box,
  format: Buffer,
): Promise<{ width: number; height: number }> {
  const size = readAvcSize(format);
  if (!size) throw unplayable("The pictures are not H.264.");
  const header = await boxes.read(await boxes.get(trak, "tkhd"));
  const at = header[0] === 1 ? 88 : 76;
  // 16.16 fixed point.
  const [width, height] = [header.readUInt32BE(at) / 65_536, header.readUInt32BE(at + 4) / 65_536];
  if (width !== size.width || height !== size.height || width === 0 || height === 0)
    throw unplayable("The pictures are not shown in their own size.");
  return size;
}

async function readSeconds(boxes: BoxReader, moov: Box, trak: Box, media: Range): Promise<number> {
  const { timescale, duration } = readClock(await boxes.read(await boxes.get(trak, "mdia", "mdhd")));
  const edit = await readEdit(boxes, moov, trak);
  if (!edit && (await boxes.find(trak, "edts"))) throw unplayable("A track is cut into pieces.");
  if (edit && edit.pauseSeconds > ROUNDING_SECONDS) throw unplayable("A track starts late.");
  const stbl = await boxes.get(trak, "mdia", "minf", "stbl");
  const { time, firstShownAt } = await readSampleTable(boxes, stbl, media, unplayable);
  if (!(Math.abs(duration - time) <= ROUNDING_SECONDS * timescale))
    throw unplayable("A track's header gives another length than its samples have.");
  if (!edit) return time / timescale;
  // The list leaves out what an AAC encoder puts in front (1024 samples), and the silence that fills its last packet.
  return Math.min(edit.seconds, (firstShownAt + time - edit.start) / timescale);
}
