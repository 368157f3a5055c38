import { type ByteWindow, EndOfFile } from "./byte-source.ts";
import { damagedHeader, type ImageDimensions } from "./image-dimensions.ts";

export async function readWebp(window: ByteWindow): Promise<ImageDimensions> {
  const head = await window.bytes(0, 30);
  if (head.readUInt32LE(4) + 8 > window.size) throw new EndOfFile();
  const size = readSize(head.toString("latin1", 12, 16), head.subarray(20));
  if (!size?.width || !size.height) {
    throw damagedHeader("WebP");
  }
  return size;
}

/** RFC 9649. The extended format's canvas bounds its frame: decoders refuse a frame of another size. */
function readSize(chunk: string, body: Buffer): ImageDimensions | undefined {
  if (chunk === "VP8X") return { width: 1 + body.readUIntLE(4, 3), height: 1 + body.readUIntLE(7, 3) };
  if (chunk === "VP8L" && body[0] === 0x2f) {
    const bits = body.readUInt32LE(1);
    return { width: 1 + (bits & 0x3fff), height: 1 + ((bits >> 14) & 0x3fff) };
  }
  const isKeyFrame = (body.readUInt8(0) & 1) === 0 && body.readUIntBE(3, 3) === 0x9d012a;
  if (chunk !== "VP8 " || !isKeyFrame) return undefined;
  return { width: body.readUInt16LE(6) & 0x3fff, height: body.readUInt16LE(8) & 0x3fff };
}
