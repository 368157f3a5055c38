import { type InputLimits, MEDIA_TYPES, type MediaFormat, type MediaType } from "@avatar/contract/limits";
import { AppError } from "../errors.ts";
import { type ByteSource, type ByteWindow, createByteWindow, EndOfFile } from "./byte-source.ts";
import { findDisguise } from "./find-disguise.ts";
import type { ImageDimensions } from "./image-dimensions.ts";
import { readJpeg } from "./read-jpeg.ts";
import { readPng } from "./read-png.ts";
import { readWebp } from "./read-webp.ts";
import { SNIFF_BYTES, sniffFormat } from "./sniff-format.ts";

const TAIL_BYTES = 64 * 1024;

// Own readers, because the image-size package wants all of a JPEG up to its frame header in one buffer (an ICC
// profile or a maker's note may take megabytes), skips over garbage, and cannot tell that a file is cut off.
const READERS: Partial<Record<MediaFormat, (window: ByteWindow) => Promise<ImageDimensions>>> = {
  jpeg: readJpeg,
  png: readPng,
  webp: readWebp,
};

/** Reads headers, never pixels. @throws AppError with the code that says what is wrong with the file */
export async function inspectImage(
  source: ByteSource,
  declared: MediaType,
  { maxBytes, maxPixels, minSidePixels }: InputLimits["image"],
): Promise<ImageDimensions & { format: MediaFormat }> {
  if (source.size === 0) throw new AppError("empty_file");
  if (source.size > maxBytes) {
    const detail = `The image file has ${source.size} bytes; the maximum is ${maxBytes}.`;
    throw new AppError("image_too_large", { detail });
  }
  const window = createByteWindow(source, 64 * 1024);
  const head = await window.bytes(0, Math.min(SNIFF_BYTES, source.size));
  const format = sniffFormat(head);
  if (!format)
    throw new AppError("unsupported_image", { detail: "The file is not a JPEG, PNG or WebP image." });
  const read = READERS[format];
  if (!read) {
    const detail = `The file is ${format.toUpperCase()}; an image is needed here.`;
    throw new AppError("media_type_mismatch", { detail });
  }
  if (format !== MEDIA_TYPES[declared]) {
    const detail = `The file is declared as ${declared}, but its bytes are ${format.toUpperCase()}.`;
    throw new AppError("media_type_mismatch", { detail });
  }

  const tailAt = Math.max(0, source.size - TAIL_BYTES);
  const { width, height } = await read(window).catch((error: unknown) => {
    throw error instanceof EndOfFile ? new AppError("image_truncated") : error;
  });
  const disguise = findDisguise(head, await window.bytes(tailAt, source.size - tailAt));
  if (disguise) {
    const detail = `The ${format.toUpperCase()} file is ${disguise} too.`;
    throw new AppError("image_undecodable", { detail });
  }
  const size = `${width} x ${height} pixels`;
  if (width * height > maxPixels) {
    const detail = `The image has ${size}; the maximum is ${maxPixels / 1e6} million pixels in all.`;
    throw new AppError("image_too_many_pixels", { detail });
  }
  if (Math.min(width, height) < minSidePixels) {
    const detail = `The image has ${size}; each side must have at least ${minSidePixels}.`;
    throw new AppError("image_too_small", { detail });
  }
  return { format, width, height };
}
