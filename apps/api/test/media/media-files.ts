import { readFileSync } from "node:fs";
import { crc32 } from "node:zlib";
import type { ByteSource } from "../../src/media/byte-source.ts";

/** A committed sample; see README.md. */
export const sample = (name: string): Buffer => readFileSync(new URL(name, import.meta.url));

/** A file in memory that counts what is read of it. */
export function sourceOf(
  file: Uint8Array,
): ByteSource & { reads: number; readBytes: number; longestRead: number } {
  return {
    size: file.length,
    reads: 0,
    readBytes: 0,
    longestRead: 0,
    async read(start, end) {
      const bytes = file.subarray(start, end);
      this.reads += 1;
      this.readBytes += bytes.length;
      this.longestRead = Math.max(this.longestRead, bytes.length);
      return bytes;
    },
  };
}

/** Claims a size that it does not have; reading it fails. */
export const sourceOfSize = (size: number): ByteSource => ({
  size,
  read: () => Promise.reject(new Error("must not be read")),
});

export const ascii = (text: string) => Buffer.from(text, "latin1");

export function uint(value: number, bytes: number, order: "LE" | "BE" = "LE"): Buffer {
  const buffer = Buffer.alloc(bytes);
  if (order === "LE") buffer.writeUIntLE(value, 0, bytes);
  else buffer.writeUIntBE(value, 0, bytes);
  return buffer;
}

interface Wav {
  seconds?: number;
  sampleRate?: number;
  channels?: number;
  bits?: number;
  codec?: number;
  /** Put between the format and the sound. */
  chunks?: Buffer;
  claimedDataBytes?: number;
  claimedRiffBytes?: number;
}

export function aWav(wav: Wav = {}): Buffer {
  const {
    seconds = 1,
    sampleRate = 8000,
    channels = 1,
    bits = 16,
    codec = 1,
    chunks = Buffer.alloc(0),
  } = wav;
  const frameBytes = (channels * bits) / 8;
  const data = Buffer.alloc(Math.round(seconds * sampleRate) * frameBytes);
  const format = [uint(codec, 2), uint(channels, 2), uint(sampleRate, 4), uint(sampleRate * frameBytes, 4)];
  const body = [
    ascii("WAVEfmt "),
    uint(16, 4),
    ...format,
    uint(frameBytes, 2),
    uint(bits, 2),
    chunks,
    ascii("data"),
    uint(wav.claimedDataBytes ?? data.length, 4),
    data,
  ];
  const bytes = Buffer.concat(body);
  return Buffer.concat([ascii("RIFF"), uint(wav.claimedRiffBytes ?? bytes.length, 4), bytes]);
}

export function riffChunk(name: string, data: Buffer): Buffer {
  return Buffer.concat([ascii(name), uint(data.length, 4), data, Buffer.alloc(data.length % 2)]);
}

/** A PNG's header and end around `pixels`, which nobody decodes here. */
export function aPng({ width = 512, height = 640, bits = 8, pixels = Buffer.alloc(64) } = {}): Buffer {
  const header = Buffer.concat([
    uint(width, 4, "BE"),
    uint(height, 4, "BE"),
    Buffer.from([bits, bits === 1 ? 0 : 2, 0, 0, 0]),
  ]);
  const signature = Buffer.from("89504e470d0a1a0a", "hex");
  return Buffer.concat([
    signature,
    pngChunk("IHDR", header),
    pngChunk("IDAT", pixels),
    pngChunk("IEND", Buffer.alloc(0)),
  ]);
}

function pngChunk(name: string, data: Buffer): Buffer {
  const body = Buffer.concat([ascii(name), data]);
  return Buffer.concat([uint(data.length, 4, "BE"), body, uint(crc32(body), 4, "BE")]);
}

export function jpegSegment(marker: number, data: Buffer): Buffer {
  return Buffer.concat([Buffer.from([0xff, marker]), uint(data.length + 2, 2, "BE"), data]);
}

interface Jpeg {
  width?: number;
  height?: number;
  /** Put before the frame header. */
  segments?: Buffer[];
  pixels?: Buffer;
}

export function aJpeg({
  width = 512,
  height = 640,
  segments = [],
  pixels = Buffer.alloc(64),
}: Jpeg = {}): Buffer {
  const frame = Buffer.concat([
    uint(8, 1),
    uint(height, 2, "BE"),
    uint(width, 2, "BE"),
    Buffer.from([1, 1, 0x11, 0]),
  ]);
  const scan = jpegSegment(0xda, Buffer.from([1, 1, 0, 0, 63, 0]));
  return Buffer.concat([
    Buffer.from([0xff, 0xd8]),
    ...segments,
    jpegSegment(0xc0, frame),
    scan,
    pixels,
    Buffer.from([0xff, 0xd9]),
  ]);
}

export function exifSegment(orientation: number, order: "LE" | "BE" = "LE"): Buffer {
  const entry = [
    uint(0x0112, 2, order),
    uint(3, 2, order),
    uint(1, 4, order),
    uint(orientation, 2, order),
    uint(0, 2),
  ];
  const tiff = [
    ascii(order === "LE" ? "II" : "MM"),
    uint(42, 2, order),
    uint(8, 4, order),
    uint(1, 2, order),
    ...entry,
  ];
  return jpegSegment(0xe1, Buffer.concat([ascii("Exif\0\0"), ...tiff]));
}

/** An ID3v2 tag around a cover image of `bytes` bytes. */
export function id3Tag(bytes: number): Buffer {
  const size = [21, 14, 7, 0].map((shift) => (bytes >> shift) & 0x7f);
  return Buffer.concat([ascii("ID3\x04\0\0"), Buffer.from(size), Buffer.alloc(bytes)]);
}
