import { type ByteWindow, EndOfFile } from "./byte-source.ts";
import { damagedHeader, type ImageDimensions } from "./image-dimensions.ts";

/** A 20 MB ICC profile takes 320 segments; many more are an attempt to keep us busy. */
const MAX_SEGMENTS = 1000;
const STEP_BYTES = 64 * 1024;
const END_OF_IMAGE = Buffer.from([0xff, 0xd9]);

export async function readJpeg(window: ByteWindow): Promise<ImageDimensions> {
  let size: ImageDimensions | undefined;
  let isTurned = false;
  let at = 2;
  for (let count = 0; count < MAX_SEGMENTS; count++) {
    const head = await window.bytes(at, 4);
    const marker = head.readUInt8(1);
    const length = head.readUInt16BE(2);
    if (head[0] !== 0xff) break;
    if (marker === 0xff) {
      at += 1; // a fill byte
      continue;
    }
    // Restart markers and the like have no length and no place here.
    if (marker < 0xc0 || (marker >= 0xd0 && marker <= 0xd9) || length < 2) break;

    if (marker === 0xe1) isTurned ||= isTurnedByExif(await window.bytes(at + 4, length - 2));
    // Baseline, extended and progressive; nobody's decoder reads the lossless and arithmetic kinds.
    if (marker >= 0xc0 && marker <= 0xc2 && length >= 8) {
      if (size) break;
      const frame = await window.bytes(at + 5, 4);
      size = { height: frame.readUInt16BE(0), width: frame.readUInt16BE(2) };
      if (!size.height || !size.width) break;
    }
    at += 2 + length;
    if (marker === 0xda) {
      if (!size) break;
      await findEnd(window, at);
      return isTurned ? { width: size.height, height: size.width } : size;
    }
  }
  throw damagedHeader("JPEG");
}

/** In compressed pixels FF is always followed by 00 or a restart marker, so FF D9 can only be the end. */
async function findEnd(window: ByteWindow, pixelsAt: number): Promise<void> {
  const tailAt = Math.max(pixelsAt, window.size - STEP_BYTES);
  if ((await window.bytes(tailAt, window.size - tailAt)).includes(END_OF_IMAGE)) return;
  // Phones append whole films to a photo: the end may be anywhere.
  for (let at = pixelsAt; at < tailAt; at += STEP_BYTES) {
    const length = Math.min(STEP_BYTES + 1, window.size - at);
    if ((await window.bytes(at, length)).includes(END_OF_IMAGE)) return;
  }
  throw new EndOfFile();
}

/** Orientations 5 to 8 swap width and height. */
function isTurnedByExif(segment: Buffer): boolean {
  const tiff = segment.subarray(6);
  const order = tiff.toString("latin1", 0, 2);
  if (segment.toString("latin1", 0, 6) !== "Exif\0\0" || (order !== "II" && order !== "MM")) return false;
  const isLittle = order === "II";
  const view = new DataView(tiff.buffer, tiff.byteOffset, tiff.byteLength);
  const has = (at: number, length: number) => at + length <= tiff.length;

  const directory = has(4, 4) ? view.getUint32(4, isLittle) : tiff.length;
  const entries = has(directory, 2) ? view.getUint16(directory, isLittle) : 0;
  for (let index = 0; index < entries; index++) {
    const at = directory + 2 + 12 * index;
    if (!has(at, 12)) return false;
    if (view.getUint16(at, isLittle) !== 0x0112) continue;
    const orientation = view.getUint16(at + 8, isLittle);
    return orientation >= 5 && orientation <= 8;
  }
  return false;
}
