import { constants, deflateRawSync } from "node:zlib";
import type { HostileFile } from "./hostile-audio.ts";
import { aJpeg, aPng, ascii, jpegSegment, sample, uint } from "./media-files.ts";

const MB = 1_000_000;
const MIB = 1024 * 1024;

/** A real image, black all over. One bit per pixel in the file is three bytes in the memory of most decoders. */
function decompressionBomb(): Buffer {
  const side = 50_000;
  const bytes = side * (1 + side / 8);
  const piece = deflateRawSync(Buffer.alloc(MIB), { level: 9, finishFlush: constants.Z_FULL_FLUSH });
  const pieces = Array<Buffer>(Math.floor(bytes / MIB)).fill(piece);
  const checksum = uint((bytes % 65_521) * 65_536 + 1, 4, "BE"); // Adler-32 of zeros
  const pixels = [Buffer.from("78da", "hex"), ...pieces, deflateRawSync(Buffer.alloc(bytes % MIB)), checksum];
  return aPng({ width: side, height: side, bits: 1, pixels: Buffer.concat(pixels) });
}

const extendedWebp = (width: number, height: number) => {
  const canvas = [uint(10, 4), Buffer.alloc(4), uint(width - 1, 3), uint(height - 1, 3)];
  return Buffer.concat([ascii("RIFF"), uint(22, 4), ascii("WEBPVP8X"), ...canvas]);
};

const zip = Buffer.concat([ascii("PK\x05\x06"), Buffer.alloc(18)]);
const html = ascii("<HTML><script>alert(1)</script></HTML>");
const pdf = ascii("%PDF-1.7\n1 0 obj\n");

/** Each of them must be refused. */
export const HOSTILE_IMAGES: HostileFile[] = [
  ["PNG that claims 65535 x 65535", "image/png", () => aPng({ width: 65_535, height: 65_535 })],
  ["PNG of 0.3 MB that decodes to 7.5 GB", "image/png", decompressionBomb],
  ["JPEG that claims 65535 x 65535", "image/jpeg", () => aJpeg({ width: 65_535, height: 65_535 })],
  ["WebP that claims 16 million x 16 million", "image/webp", () => extendedWebp(2 ** 24, 2 ** 24)],
  ["PNG with a ZIP behind it", "image/png", () => Buffer.concat([aPng(), zip])],
  [
    "JPEG with a ZIP behind it",
    "image/jpeg",
    () => Buffer.concat([aJpeg(), Buffer.alloc(90_000), zip, Buffer.alloc(100)]),
  ],
  [
    "WebP with a ZIP behind it",
    "image/webp",
    () => Buffer.concat([sample("portrait-lossy.webp"), Buffer.alloc(200_000), zip]),
  ],
  ["JPEG with HTML in a comment", "image/jpeg", () => aJpeg({ segments: [jpegSegment(0xfe, html)] })],
  ["PNG with HTML in it", "image/png", () => aPng({ pixels: html })],
  ["PNG with a web page in it", "image/png", () => aPng({ pixels: ascii("<!DOCTYPE html><p>") })],
  ["PNG with a PDF in it", "image/png", () => aPng({ pixels: pdf })],
  ["PDF with a PNG in it", "image/png", () => Buffer.concat([pdf, aPng()])],
  ["GIF with a PNG in it", "image/png", () => Buffer.concat([ascii("GIF89a"), aPng()])],
  ["SVG", "image/png", () => ascii('<svg xmlns="http://www.w3.org/2000/svg"/>')],
  [
    "JPEG of 19 MB without an end",
    "image/jpeg",
    () => Buffer.concat([aJpeg().subarray(0, -2), Buffer.alloc(19 * MB)]),
  ],
  [
    "JPEG of 19 MB of profiles",
    "image/jpeg",
    () => aJpeg({ segments: Array(290).fill(jpegSegment(0xe2, Buffer.alloc(65_533))) }).subarray(0, -2),
  ],
  [
    "JPEG of a million empty segments",
    "image/jpeg",
    () => aJpeg({ segments: [Buffer.alloc(4 * MB, jpegSegment(0xfe, Buffer.alloc(0)))] }),
  ],
  ["JPEG of 19 MB of fill bytes", "image/jpeg", () => aJpeg({ segments: [Buffer.alloc(19 * MB, 0xff)] })],
];
