import { type AudioLength, undecodable } from "./audio-length.ts";
import type { ByteWindow } from "./byte-source.ts";

/** Most files have five; a picture takes one. */
const MAX_BLOCKS = 100;
const MIN_TAIL_BYTES = 128 * 1024;
const MAX_TAIL_BYTES = 256 * 1024;

/**
 * Each frame says where it belongs, so the first and the last tell how much sound the file really holds. In a stream
 * that was cut out of another one the first is not at zero.
 */
export async function readFlac(window: ByteWindow): Promise<AudioLength> {
  const info = await window.bytes(8, 34);
  const maxFrameBytes = info.readUIntBE(7, 3);
  const sampleRate = info.readUIntBE(10, 3) >> 4;
  const totalSamples = (info.readUInt8(13) & 15) * 2 ** 32 + info.readUInt32BE(14);
  const blockSamples = info.readUInt16BE(2);
  if (!sampleRate || !blockSamples) throw undecodable("The header of the FLAC file is damaged.");

  const soundAt = await skipMetadata(window);
  const tailBytes = Math.min(
    Math.max(2 * maxFrameBytes, MIN_TAIL_BYTES),
    MAX_TAIL_BYTES,
    window.size - soundAt,
  );
  const head = Buffer.from(await window.bytes(soundAt, Math.min(16, tailBytes)));
  // The zeros let a header be read in one piece wherever it starts.
  const tail = Buffer.concat([await window.bytes(window.size - tailBytes, tailBytes), Buffer.alloc(16)]);
  const channels = ((info.readUInt8(12) >> 1) & 7) + 1;
  const stream = { blockSamples, channels };
  const last = findLastFrame(tail, stream);
  if (!last) throw undecodable("The FLAC file has no frame of sound.");
  const first = readFrame(Buffer.concat([head, Buffer.alloc(16)]), stream);
  const start = first?.start ?? 0;
  return {
    seconds: Math.max(0, last.end - start) / sampleRate,
    // Who cuts a stream without decoding it leaves the whole's length in the header.
    claimedSeconds: start === 0 ? totalSamples / sampleRate : undefined,
  };
}

async function skipMetadata(window: ByteWindow): Promise<number> {
  let at = 4;
  for (let count = 0; count < MAX_BLOCKS; count++) {
    const head = await window.bytes(at, 4);
    at += 4 + head.readUIntBE(1, 3);
    await window.bytes(at, 1);
    if (head.readUInt8(0) & 0x80) return at;
  }
  throw undecodable("The FLAC file has too many metadata blocks.");
}

interface Stream {
  blockSamples: number;
  channels: number;
}

/** In samples of the whole stream. */
interface Frame {
  start: number;
  end: number;
}

/** RFC 9639, section 9.1. The checksum in each header tells a frame from sound that looks like one. */
function findLastFrame(tail: Buffer, stream: Stream): Frame | undefined {
  for (let at = tail.lastIndexOf(0xff); at >= 0; at = at > 0 ? tail.lastIndexOf(0xff, at - 1) : -1) {
    const frame = readFrame(tail.subarray(at, at + 16), stream);
    if (frame) return frame;
  }
  return undefined;
}

function readFrame(head: Buffer, stream: Stream): Frame | undefined {
  const strategy = head.readUInt8(1);
  const codes = head.readUInt8(2);
  const layout = head.readUInt8(3);
  const channels = layout >> 4 < 8 ? (layout >> 4) + 1 : 2;
  const isHeader = head[0] === 0xff && (strategy & 0xfe) === 0xf8 && layout >> 4 < 11 && (layout & 1) === 0;
  if (!isHeader || channels !== stream.channels) return undefined;

  const number = readCodedNumber(head.subarray(4));
  if (!number) return undefined;
  let at = 4 + number.bytes;
  const sizeCode = codes >> 4;
  let samples = sizeCode < 6 ? 576 * 2 ** (sizeCode - 2) : 2 ** sizeCode;
  if (sizeCode === 0) return undefined;
  if (sizeCode === 1) samples = 192;
  if (sizeCode === 6) samples = 1 + head.readUInt8(at++);
  if (sizeCode === 7) {
    samples = 1 + head.readUInt16BE(at);
    at += 2;
  }
  const rateCode = codes & 15;
  if (rateCode === 15) return undefined;
  if (rateCode >= 12) at += rateCode === 12 ? 1 : 2;
  if (crc8(head.subarray(0, at)) !== head[at]) return undefined;
  const isFixed = (strategy & 1) === 0;
  const start = number.value * (isFixed ? stream.blockSamples : 1);
  return { start, end: start + samples };
}

/** UTF-8's scheme, stretched to 36 bits. */
function readCodedNumber(coded: Buffer): { value: number; bytes: number } | undefined {
  const first = coded.readUInt8(0);
  if (first < 0x80) return { value: first, bytes: 1 };
  const bytes = Math.clz32(~(first << 24));
  if (bytes < 2 || bytes > 7) return undefined;
  let value = first & (0x7f >> bytes);
  for (const byte of coded.subarray(1, bytes)) value = value * 64 + (byte & 0x3f);
  return { value, bytes };
}

function crc8(bytes: Buffer): number {
  let crc = 0;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = ((crc << 1) ^ (crc & 0x80 ? 0x07 : 0)) & 0xff;
  }
  return crc;
}
