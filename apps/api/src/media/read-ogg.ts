import { AppError } from "../errors.ts";
import { type AudioLength, assertDense, type Density, LOSSY, undecodable } from "./audio-length.ts";
import { type ByteWindow, EndOfFile } from "./byte-source.ts";

const MAX_STREAMS = 64;
/** The usual packet has 20 ms, and may have a page of its own; so may a film's pictures. */
const MAX_PAGES_PER_SECOND = 120;
/** Headers with a cover image. */
const SPARE_PAGES = 1000;
/** Opus in its shortest packets. */
const MAX_PACKETS_PER_SECOND = 400;
/** Headers, packets that were lost, packets of silence without a frame. */
const SPARE_PACKETS = 10_000;
/** With a cover image in the comments and a film's pictures between the sound. */
const WITH_PICTURES: Density = { spareBytes: 16_000_000, bytesPerSecond: 1_000_000 };

/** A stream of sound. A file may hold several, one after the other. */
interface Stream {
  sampleRate: number;
  /** Packets before the first one with sound. */
  headerPackets: number;
  /** Decoders drop the first samples of an Opus stream. */
  skippedSamples: number;
  /** How many samples the packet that starts at `at` holds; for Vorbis, the most it can hold. */
  samplesOf: (bytes: Buffer, at: number, length: number) => number;
  isExact: boolean;
  packets: number;
  /** Of the pages with sound. */
  bytes: number;
  heldSamples: number;
  /** What the last page holds: its end may be cut on purpose. */
  pageSamples: number;
  /** The sample that pages claim to have reached, and where the first of them started. */
  position: number;
  startPosition: number | undefined;
}

/** Counts the packets in every page (RFC 3533), so that a false position cannot pass for sound. */
export async function readOgg(window: ByteWindow, maxSeconds: number): Promise<AudioLength> {
  const streams: Stream[] = [];
  const bySerial = new Map<number, Stream | undefined>();
  let at = 0;
  let pages = 0;
  let heldSeconds = 0;
  while (at < window.size) {
    const page = heldPage(window, at) ?? (await readPage(window, at));
    at = page.end;
    pages += 1;
    if (page.isFirst) {
      const stream = readStreamHeader(page.body);
      bySerial.set(page.serial, stream);
      if (stream) streams.push(stream);
      if (streams.length > MAX_STREAMS) throw undecodable("The OGG file has too many streams.");
    }
    const stream = bySerial.get(page.serial);
    if (stream) {
      addPage(stream, page);
      heldSeconds += stream.pageSamples / stream.sampleRate;
    }
    assertDense(at, heldSeconds, WITH_PICTURES);
    if (pages > SPARE_PAGES + heldSeconds * MAX_PAGES_PER_SECOND)
      throw undecodable("The OGG file has too many pages.");
    if (!stream) continue;
    const streamSeconds = stream.heldSamples / stream.sampleRate;
    assertDense(stream.bytes, streamSeconds, LOSSY);
    if (stream.packets > SPARE_PACKETS + streamSeconds * MAX_PACKETS_PER_SECOND)
      throw undecodable("The OGG file has too many packets.");
    if (playedSamples(stream) / stream.sampleRate > maxSeconds + 1) break;
  }
  if (streams.length === 0) {
    throw new AppError("unsupported_audio", { detail: "The OGG file holds neither Opus nor Vorbis sound." });
  }
  const seconds = (samplesOf: (stream: Stream) => number) =>
    streams.reduce((sum, stream) => sum + samplesOf(stream) / stream.sampleRate, 0);
  return {
    seconds: seconds(playedSamples),
    claimedSeconds: seconds((stream) => claimedSamples(stream) - stream.skippedSamples),
  };
}

interface Page {
  isFirst: boolean;
  isContinued: boolean;
  /** Undefined when no packet ends in this page. */
  position: number | undefined;
  serial: number;
  lacing: Buffer;
  body: Buffer;
  end: number;
}

const MAX_PAGE_BYTES = 27 + 255 + 255 * 255;

async function readPage(window: ByteWindow, at: number): Promise<Page> {
  await window.bytes(at, Math.min(MAX_PAGE_BYTES, window.size - at));
  const page = heldPage(window, at);
  if (!page) throw new EndOfFile();
  return page;
}

/** The page at `at`, when all of it is at hand. */
function heldPage(window: ByteWindow, at: number): Page | undefined {
  const head = window.held(at, 27);
  if (!head) return undefined;
  if (head.readUInt32BE(0) !== OGGS || head[4] !== 0) throw undecodable("A page of the OGG file is damaged.");
  const lacing = window.held(at + 27, head.readUInt8(26));
  if (!lacing) return undefined;
  const bodyAt = at + 27 + lacing.length;
  let bodyBytes = 0;
  for (const bytes of lacing) bodyBytes += bytes;
  const body = window.held(bodyAt, bodyBytes);
  if (!body) return undefined;
  const flags = head.readUInt8(5);
  const position = head.readInt32LE(10) * 2 ** 32 + head.readUInt32LE(6);
  return {
    isFirst: (flags & 2) !== 0,
    isContinued: (flags & 1) !== 0,
    position: position >= 0 ? position : undefined,
    serial: head.readUInt32LE(14),
    lacing,
    body,
    end: bodyAt + bodyBytes,
  };
}

const OGGS = 0x4f676753;

function readStreamHeader(body: Buffer): Stream | undefined {
  const start = {
    packets: 0,
    bytes: 0,
    heldSamples: 0,
    pageSamples: 0,
    position: 0,
    startPosition: undefined,
  };
  if (body.toString("latin1", 0, 8) === "OpusHead" && body.length >= 19) {
    const skippedSamples = body.readUInt16LE(10);
    return {
      ...start,
      sampleRate: 48_000,
      headerPackets: 2,
      skippedSamples,
      samplesOf: opusSamples,
      isExact: true,
    };
  }
  if (body.toString("latin1", 0, 7) === "\x01vorbis" && body.length >= 30) {
    const sampleRate = body.readUInt32LE(12);
    if (!sampleRate) throw undecodable("The header of the OGG file is damaged.");
    const halfLongBlock = 2 ** (body.readUInt8(28) >> 4) / 2;
    return {
      ...start,
      sampleRate,
      headerPackets: 3,
      skippedSamples: 0,
      samplesOf: () => halfLongBlock,
      isExact: false,
    };
  }
  return undefined; // a film's pictures, a subtitle: not our concern
}

function addPage(stream: Stream, { isContinued, position, lacing, body }: Page): void {
  stream.pageSamples = 0;
  let startsPacket = !isContinued;
  let at = 0;
  for (const bytes of lacing) {
    if (startsPacket && stream.packets++ >= stream.headerPackets) {
      stream.pageSamples += stream.samplesOf(body, at, bytes);
    }
    at += bytes;
    startsPacket = bytes < 255;
  }
  stream.heldSamples += stream.pageSamples;
  if (stream.packets > stream.headerPackets) stream.bytes += body.length;
  if (position === undefined || stream.packets <= stream.headerPackets) return;
  // A recording of a broadcast does not start at zero.
  stream.startPosition ??= Math.max(0, position - stream.heldSamples);
  stream.position = position;
}

const claimedSamples = (stream: Stream) => stream.position - (stream.startPosition ?? 0);

function playedSamples(stream: Stream): number {
  const least = stream.isExact ? stream.heldSamples - stream.pageSamples : 0;
  const played = Math.min(Math.max(claimedSamples(stream), least), stream.heldSamples);
  return Math.max(0, played - stream.skippedSamples);
}

const FRAMES = [1, 2, 2];
const SPEECH_SAMPLES = [480, 960, 1920, 2880];

/** RFC 6716, section 3.1: the first byte has the length of a frame, the first two the number of frames. */
function opusSamples(body: Buffer, at: number, length: number): number {
  if (length === 0) return 0; // a packet that was lost
  const first = body.readUInt8(at);
  const second = length > 1 ? body.readUInt8(at + 1) : 0;
  const mode = first >> 3;
  const frames = FRAMES[first & 3] ?? second & 63;
  if (mode >= 16) return frames * 120 * 2 ** (mode & 3);
  if (mode >= 12) return frames * 480 * 2 ** (mode & 1);
  return frames * (SPEECH_SAMPLES[mode & 3] ?? 0);
}
