import { type AudioLength, undecodable } from "./audio-length.ts";
import type { ByteWindow } from "./byte-source.ts";

const MAX_BLOCKS = 1000;
const MIN_TAIL_BYTES = 128 * 1024;
const MAX_TAIL_BYTES = 256 * 1024;

/** Each frame says where it belongs, so the last one tells how much sound the file really holds. */
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
  // The zeros let a header be read in one piece wherever it starts.
  const tail = Buffer.concat([await window.bytes(window.size - tailBytes, tailBytes), Buffer.alloc(16)]);
  const channels = ((info.readUInt8(12) >> 1) & 7) + 1;
  const heldSamples = findLastSample(tail, { blockSamples, channels });
  if (heldSamples === undefined) throw undecodable("The FLAC file has no frame of sound.");
  return { seconds: heldSamples / sampleRate, claimedSeconds: totalSamples / sampleRate };
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

/** RFC 9639, section 9.1. The checksum in each header tells a frame from sound that looks like one. */
function findLastSample(
  tail: Buffer,
  stream: { blockSamples: number; channels: number },
): number | undefined {
  for (let at = tail.lastIndexOf(0xff); at >= 0; at = at > 0 ? tail.lastIndexOf(0xff, at - 1) : -1) {
    const end = readFrameEnd(tail.subarray(at, at + 16), stream);
    if (end !== undefined) return end;
  }
  return undefined;
}

function readFrameEnd(head: Buffer, stream: { blockSamples: number; channels: number }): number | undefined {
  const [, strategy = 0, codes = 0, layout = 0] = head;
  const channels = layout >> 4 < 8 ? (layout >> 4) + 1 : 2;
  const isHeader = (strategy & 0xfe) === 0xf8 && layout >> 4 < 11 && (layout & 1) === 0;
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
  return number.value * (isFixed ? stream.blockSamples : 1) + samples;
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
