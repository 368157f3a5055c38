import { AppError } from "../errors.ts";
import { type AudioLength, undecodable } from "./audio-length.ts";
import type { ByteWindow } from "./byte-source.ts";

const MAX_STREAMS = 64;
/** Ten minutes of the usual 20 ms packets need 30,000, each in a page of its own. */
const MAX_PAGES = 40_000;
/** Ten minutes of Opus in its shortest packets need 240,000. */
const MAX_PACKETS = 250_000;

/** A stream of sound. A file may hold several, one after the other. */
interface Stream {
  sampleRate: number;
  /** Packets before the first one with sound. */
  headerPackets: number;
  /** Decoders drop the first samples of an Opus stream. */
  skippedSamples: number;
  /** How many samples the packet at the start of `bytes` holds; for Vorbis, the most it can hold. */
  samplesOf: (bytes: Buffer) => number;
  isExact: boolean;
  packets: number;
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
  for (let pages = 0; at < window.size; pages++) {
    if (pages > MAX_PAGES) throw undecodable("The OGG file has too many pages.");
    const page = await readPage(window, at);
    at = page.end;
    if (page.isFirst) {
      const stream = readStreamHeader(page.body);
      bySerial.set(page.serial, stream);
      if (stream) streams.push(stream);
      if (streams.length > MAX_STREAMS) throw undecodable("The OGG file has too many streams.");
    }
    const stream = bySerial.get(page.serial);
    if (!stream) continue;
    addPage(stream, page);
    if (stream.packets > MAX_PACKETS) throw undecodable("The OGG file has too many packets.");
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

async function readPage(window: ByteWindow, at: number): Promise<Page> {
  const head = await window.bytes(at, 27);
  if (head.toString("latin1", 0, 5) !== "OggS\0") throw undecodable("A page of the OGG file is damaged.");
  const lacing = await window.bytes(at + 27, head.readUInt8(26));
  const bodyAt = at + 27 + lacing.length;
  const body = await window.bytes(
    bodyAt,
    lacing.reduce((sum, bytes) => sum + bytes, 0),
  );
  const position = head.readBigInt64LE(6);
  return {
    isFirst: (head.readUInt8(5) & 2) !== 0,
    isContinued: (head.readUInt8(5) & 1) !== 0,
    position: position >= 0n ? Number(position) : undefined,
    serial: head.readUInt32LE(14),
    lacing,
    body,
    end: bodyAt + body.length,
  };
}

function readStreamHeader(body: Buffer): Stream | undefined {
  const start = { packets: 0, heldSamples: 0, pageSamples: 0, position: 0, startPosition: undefined };
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
      stream.pageSamples += stream.samplesOf(body.subarray(at, at + bytes));
    }
    at += bytes;
    startsPacket = bytes < 255;
  }
  stream.heldSamples += stream.pageSamples;
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

/** RFC 6716, section 3.1: the first byte has the length of a frame, the first two the number of frames. */
function opusSamples(packet: Buffer): number {
  if (packet.length === 0) return 0; // a packet that was lost
  const [first = 0, second = 0] = packet;
  const mode = first >> 3;
  const frames = [1, 2, 2, second & 63][first & 3] ?? 0;
  if (mode >= 16) return frames * 120 * 2 ** (mode & 3);
  if (mode >= 12) return frames * 480 * 2 ** (mode & 1);
  return frames * ([480, 960, 1920, 2880][mode & 3] ?? 0);
}
