import { ascii, uint } from "./media-files.ts";

interface Video {
  seconds: number;
  width?: number;
  height?: number;
  /** Text to find the video by; nobody plays it. */
  note?: string;
}

const FPS = 25;
const SAMPLE_RATE = 48_000;
const PACKET_SAMPLES = 1024;
const TICKS_PER_SECOND = 1000;

const u32 = (...values: number[]) => Buffer.concat(values.map((value) => uint(value, 4, "BE")));
const u16 = (...values: number[]) => Buffer.concat(values.map((value) => uint(value, 2, "BE")));

function box(type: string, ...parts: Uint8Array[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([u32(8 + body.length), ascii(type), body]);
}

/**
 * An MP4 of one byte per sample that passes for a video of this length: its header and tables are those of the
 * preview engine's, with the packet of silence that AAC starts with. It cannot be decoded.
 */
export function aVideo({ seconds, width = 1280, height = 720, note = "" }: Video): Buffer {
  const frames = Math.ceil(Math.round(seconds * FPS * 1e6) / 1e6);
  const ticks = (frames * TICKS_PER_SECOND) / FPS;
  const sound = PACKET_SAMPLES + Math.round((frames * SAMPLE_RATE) / FPS);
  const packets = Math.ceil(sound / PACKET_SAMPLES);
  const lastPacket = sound - (packets - 1) * PACKET_SAMPLES;
  const ftyp = box("ftyp", ascii("isom"), u32(512), ascii("isomiso2avc1mp41"));
  const free = box("free", Buffer.from(note));

  const header = (mediaAt: number) =>
    box(
      "moov",
      box("mvhd", u32(0, 0, 0, TICKS_PER_SECOND, ticks), Buffer.alloc(80)),
      track({
        kind: "vide",
        format: avc(width, height),
        size: [width, height],
        ticks,
        skipped: 0,
        timescale: FPS,
        runs: [[frames, 1]],
        mediaAt,
      }),
      track({
        kind: "soun",
        format: aac(),
        size: [0, 0],
        ticks,
        skipped: PACKET_SAMPLES,
        timescale: SAMPLE_RATE,
        runs: [
          [packets - 1, PACKET_SAMPLES],
          [1, lastPacket],
        ],
        mediaAt: mediaAt + frames,
      }),
    );
  const mediaAt = ftyp.length + header(0).length + free.length + 8;
  return Buffer.concat([ftyp, header(mediaAt), free, box("mdat", Buffer.alloc(frames + packets))]);
}

interface Track {
  kind: "vide" | "soun";
  format: Buffer;
  size: [width: number, height: number];
  /** Of the movie. */
  ticks: number;
  /** Samples, in `timescale`, that are not to be heard. */
  skipped: number;
  timescale: number;
  /** How many samples of which length. */
  runs: [samples: number, length: number][];
  mediaAt: number;
}

function track({ kind, format, size, ticks, skipped, timescale, runs, mediaAt }: Track): Buffer {
  const samples = runs.reduce((sum, [count]) => sum + count, 0);
  const time = runs.reduce((sum, [count, length]) => sum + count * length, 0);
  const [width, height] = size;
  const tables = [
    box("stsd", u32(0, 1), format),
    box("stts", u32(0, runs.length, ...runs.flat())),
    box("stsc", u32(0, 1, 1, samples, 1)),
    box("stsz", u32(0, 1, samples)),
    box("stco", u32(0, 1, mediaAt)),
  ];
  return box(
    "trak",
    box(
      "tkhd",
      u32(3, 0, 0, kind === "vide" ? 1 : 2, 0, ticks),
      Buffer.alloc(52),
      u32(width * 65_536, height * 65_536),
    ),
    box("edts", box("elst", u32(0, 1, ticks, skipped, 65_536))),
    box(
      "mdia",
      box("mdhd", u32(0, 0, 0, timescale, time, 0)),
      box("hdlr", u32(0, 0), ascii(kind), Buffer.alloc(13)),
      box("minf", box("stbl", ...tables)),
    ),
  );
}

function avc(width: number, height: number): Buffer {
  const parameterSets = box("avcC", Buffer.from("0164001fffe1000067", "hex"));
  return box(
    "avc1",
    Buffer.alloc(6),
    u16(1),
    Buffer.alloc(16),
    u16(width, height),
    Buffer.alloc(50),
    parameterSets,
  );
}

function aac(): Buffer {
  const stream = box(
    "esds",
    u32(0),
    Buffer.from("031900020004114015000000000000000000000005021188060102", "hex"),
  );
  return box(
    "mp4a",
    Buffer.alloc(6),
    u16(1),
    Buffer.alloc(8),
    u16(1, 16, 0, 0),
    u32(SAMPLE_RATE * 65_536),
    stream,
  );
}
