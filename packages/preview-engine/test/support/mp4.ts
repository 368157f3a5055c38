import { readFileSync } from "node:fs";

/** What an MP4 says about itself, read box by box so that no media tool is needed. */
export interface Mp4Facts {
  /** Types of the top-level boxes, in order. */
  readonly boxes: readonly string[];
  readonly comment: string | undefined;
  readonly tracks: readonly Mp4Track[];
}

export interface Mp4Track {
  readonly handler: string;
  readonly codec: string;
  /** 0 for sound. */
  readonly width: number;
  readonly height: number;
  readonly samples: number;
  readonly seconds: number;
}

interface Box {
  readonly type: string;
  readonly body: Buffer;
}

export function readMp4(path: string): Mp4Facts {
  const top = boxesOf(readFileSync(path));
  const movie = boxesOf(find(top, "moov").body);
  return {
    boxes: top.map(({ type }) => type),
    comment: commentOf(movie),
    tracks: movie.filter(({ type }) => type === "trak").map(readTrack),
  };
}

function readTrack({ body }: Box): Mp4Track {
  const track = boxesOf(body);
  const media = boxesOf(find(track, "mdia").body);
  const table = boxesOf(find(boxesOf(find(media, "minf").body), "stbl").body);
  const mediaHeader = find(media, "mdhd").body;
  const trackHeader = find(track, "tkhd").body;
  return {
    handler: find(media, "hdlr").body.toString("latin1", 8, 12),
    codec: find(table, "stsd").body.toString("latin1", 12, 16),
    width: trackHeader.readUInt32BE(76) / 65536,
    height: trackHeader.readUInt32BE(80) / 65536,
    samples: find(table, "stsz").body.readUInt32BE(8),
    seconds: editedSeconds(track) ?? mediaHeader.readUInt32BE(16) / mediaHeader.readUInt32BE(12),
  };
}

/** The edit list's length, in the movie's time scale of 1 ms: it hides the encoder's padding. */
function editedSeconds(track: readonly Box[]): number | undefined {
  const edits = track.find(({ type }) => type === "edts");
  return edits && find(boxesOf(edits.body), "elst").body.readUInt32BE(8) / 1000;
}

function commentOf(movie: readonly Box[]): string | undefined {
  const data = movie.find(({ type }) => type === "udta")?.body;
  const at = data?.indexOf("©cmt", 0, "latin1") ?? -1;
  if (data === undefined || at === -1) return undefined;
  const length = data.readUInt32BE(at + 4) - 16;
  return data.toString("utf8", at + 20, at + 20 + length);
}

function boxesOf(bytes: Buffer): Box[] {
  const boxes: Box[] = [];
  for (let at = 0; at + 8 <= bytes.length; ) {
    const size = bytes.readUInt32BE(at);
    boxes.push({ type: bytes.toString("latin1", at + 4, at + 8), body: bytes.subarray(at + 8, at + size) });
    at += size;
  }
  return boxes;
}

function find(boxes: readonly Box[], type: string): Box {
  const box = boxes.find((candidate) => candidate.type === type);
  if (box === undefined) throw new Error(`The file has no ${type} box`);
  return box;
}
