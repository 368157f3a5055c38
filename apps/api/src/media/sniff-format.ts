import type { MediaFormat } from "@avatar/contract/limits";
import { parseAdtsHeader, parseMp3Header } from "./mpeg-frame-header.ts";

/** How much of a file `sniffFormat` wants to see: the longest AAC frame and the header after it. */
export const SNIFF_BYTES = 8192 + 7;

/** Tells the format from the first bytes alone. It never believes a name or a declared type. */
export function sniffFormat(head: Uint8Array): MediaFormat | undefined {
  const bytes = Buffer.from(head.buffer, head.byteOffset, head.byteLength);
  const has = (text: string, at = 0) => bytes.toString("latin1", at, at + text.length) === text;

  if (has("\xff\xd8\xff")) return "jpeg";
  if (has("\x89PNG\r\n\x1a\n")) return "png";
  if (has("RIFF") && has("WEBPVP8", 8)) return "webp";
  if ((has("RIFF") || has("RF64")) && has("WAVE", 8)) return "wav";
  if (has("OggS\0\x02")) return "ogg"; // version 0, first page of a stream
  if (has("fLaC\0\0\0\x22") || has("fLaC\x80\0\0\x22")) return "flac"; // STREAMINFO comes first
  if (has("ftyp", 4)) return isAudioBrand(bytes.toString("latin1", 8, 12)) ? "m4a" : undefined;
  if (isId3(bytes)) return "mp3";
  if (hasTwoFrames(bytes, parseMp3Header)) return "mp3";
  if (hasTwoFrames(bytes, parseAdtsHeader)) return "aac";
  return undefined;
}

/** The same box format also holds HEIC and AVIF images and QuickTime films. */
const isAudioBrand = (brand: string) => /^(M4[AB] |mp4[12]|iso[m2-9]|dash|MSNV|3g[p2].)$/.test(brand);

/** Versions 2.2 to 2.4; the length is in bytes of 7 bits. */
const isId3 = (bytes: Buffer) =>
  bytes.length >= 10 &&
  ["ID3\x02\0", "ID3\x03\0", "ID3\x04\0"].includes(bytes.toString("latin1", 0, 5)) &&
  bytes.subarray(6, 10).every((byte) => byte < 0x80);

function hasTwoFrames(bytes: Buffer, parse: typeof parseMp3Header): boolean {
  const first = parse(bytes);
  const second = first && parse(bytes.subarray(first.bytes));
  return first !== undefined && first.stream === second?.stream;
}
