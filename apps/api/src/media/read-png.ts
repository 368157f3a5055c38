import { crc32 } from "node:zlib";
import { type ByteWindow, EndOfFile } from "./byte-source.ts";
import { damagedHeader, type ImageDimensions } from "./image-dimensions.ts";

const IEND = Buffer.from("0000000049454e44ae426082", "hex");
/** Some editors leave the rest of an older, longer file behind the image. */
const TAIL_BYTES = 64 * 1024;

export async function readPng(window: ByteWindow): Promise<ImageDimensions> {
  const header = await window.bytes(8, 25);
  const [width, height] = [header.readUInt32BE(8), header.readUInt32BE(12)];
  const isHeader = header.readUInt32BE(0) === 13 && header.toString("latin1", 4, 8) === "IHDR";
  if (!isHeader || crc32(header.subarray(4, 21)) !== header.readUInt32BE(21) || !width || !height) {
    throw damagedHeader("PNG");
  }
  const tailAt = Math.max(0, window.size - TAIL_BYTES);
  if (!(await window.bytes(tailAt, window.size - tailAt)).includes(IEND)) throw new EndOfFile();
  return { width, height };
}
