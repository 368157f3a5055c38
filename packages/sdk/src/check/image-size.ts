import { Damaged, EndOfFile, type FileHeader, textOf } from "./file-header.ts";

/** In pixels. A photo that its camera marked as turned is not turned here: no limit asks for it. */
export interface ImageSize {
  width: number;
  height: number;
}

/** What the API reads of a header, too; the checksum of a PNG's header is left to it. */
export const IMAGE_SIZE: Record<string, (file: FileHeader) => Promise<ImageSize>> = {
  "image/jpeg": readJpeg,
  "image/png": readPng,
  "image/webp": readWebp,
};

const PNG_END = [0, 0, 0, 0, 0x49, 0x45, 0x4e, 0x44, 0xae, 0x42, 0x60, 0x82];
/** Some editors leave the rest of an older, longer file behind the image. */
const PNG_TAIL_BYTES = 64 * 1024;

async function readPng(file: FileHeader): Promise<ImageSize> {
  const header = await file.read(8, 25);
  const size = { width: header.getUint32(8), height: header.getUint32(12) };
  const isHeader = header.getUint32(0) === 13 && textOf(header, 4, 4) === "IHDR";
  if (!isHeader || !size.width || !size.height) throw new Damaged("PNG");
  if (!(await file.has(PNG_END, Math.max(0, file.size - PNG_TAIL_BYTES)))) throw new EndOfFile();
  return size;
}

/** As many as the API follows. */
const MAX_SEGMENTS = 1000;

async function readJpeg(file: FileHeader): Promise<ImageSize> {
  let size: ImageSize | undefined;
  let at = 2;
  for (let count = 0; count < MAX_SEGMENTS; count++) {
    const head = await file.read(at, 4);
    const marker = head.getUint8(1);
    const length = head.getUint16(2);
    if (head.getUint8(0) !== 0xff) break;
    if (marker === 0xff) {
      at += 1; // a fill byte
      continue;
    }
    // Restart markers and the like have no length and no place here.
    if (marker < 0xc0 || (marker >= 0xd0 && marker <= 0xd9) || length < 2) break;
    // Baseline, extended and progressive; nobody's decoder reads the lossless and arithmetic kinds.
    if (marker >= 0xc0 && marker <= 0xc2 && length >= 8) {
      if (size) break;
      const frame = await file.read(at + 5, 4);
      size = { height: frame.getUint16(0), width: frame.getUint16(2) };
      if (!size.height || !size.width) break;
    }
    at += 2 + length;
    if (marker === 0xda) {
      if (!size) break;
      if (!(await file.has([0xff, 0xd9], at))) throw new EndOfFile();
      return size;
    }
  }
  throw new Damaged("JPEG");
}

async function readWebp(file: FileHeader): Promise<ImageSize> {
  const head = await file.read(0, 30);
  if (head.getUint32(4, true) + 8 > file.size) throw new EndOfFile();
  const size = webpSize(textOf(head, 12, 4), new DataView(head.buffer, 20));
  if (!size?.width || !size.height) throw new Damaged("WebP");
  return size;
}

/** RFC 9649. */
function webpSize(chunk: string, body: DataView): ImageSize | undefined {
  // Three bytes each, of which the last is read with the byte before them.
  if (chunk === "VP8X")
    return { width: 1 + (body.getUint32(3, true) >>> 8), height: 1 + (body.getUint32(6, true) >>> 8) };
  if (chunk === "VP8L" && body.getUint8(0) === 0x2f) {
    const bits = body.getUint32(1, true);
    return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >> 14) & 0x3fff) };
  }
  const isKeyFrame = (body.getUint8(0) & 1) === 0 && body.getUint32(2) % 2 ** 24 === 0x9d012a;
  if (chunk !== "VP8 " || !isKeyFrame) return undefined;
  return { width: body.getUint16(6, true) & 0x3fff, height: body.getUint16(8, true) & 0x3fff };
}
