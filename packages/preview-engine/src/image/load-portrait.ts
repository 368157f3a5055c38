import { readFile, stat } from "node:fs/promises";
import sharp from "sharp";
import { PreviewError } from "../preview-error.ts";
import { findImageType, type ImageType, isImageTruncated } from "./image-type.ts";
import type { RgbImage } from "./rgb-image.ts";

/** Larger files are no portrait; the pixel cap below is what guards memory. */
const MAX_FILE_BYTES = 64 * 1024 * 1024;
/** Checked in the header, before a pixel is decoded: 300 KB of PNG can hold 2.5 billion. */
const MAX_PIXELS = 50_000_000;
const MIN_SIDE_PX = 128;
/** Enough for a face a fifth of the width to fill a 1280x720 frame; keeps a decoded photo under 45 MB. */
const MAX_WORKING_SIDE_PX = 3840;

/**
 * Decodes a JPEG, PNG or WebP file to upright 8-bit sRGB: EXIF rotation applied, alpha laid on white, CMYK,
 * grey and 16-bit converted, very large photos shrunk.
 *
 * @throws PreviewError with one of the image codes.
 */
export async function loadPortrait(imagePath: string): Promise<RgbImage> {
  const bytes = await readImageFile(imagePath);
  const type = findImageType(bytes);
  if (type === undefined) {
    throw new PreviewError("unsupported_image", "The image is not a JPEG, PNG or WebP file.");
  }
  try {
    const { width, height, format } = await sharp(bytes, { limitInputPixels: false }).metadata();
    if (format !== type) throw new Error(`The bytes of a ${type} were read as ${format}`);
    checkSize(width, height);
    const { data, info } = await sharp(bytes, { limitInputPixels: MAX_PIXELS, failOn: "error" })
      .autoOrient()
      .resize({
        width: MAX_WORKING_SIDE_PX,
        height: MAX_WORKING_SIDE_PX,
        fit: "inside",
        withoutEnlargement: true,
      })
      .flatten({ background: "#fff" })
      .toColourspace("srgb")
      .removeAlpha()
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    if (info.channels !== 3) throw new Error(`Decoding gave ${info.channels} channels`);
    return { width: info.width, height: info.height, data };
  } catch (error) {
    throw error instanceof PreviewError ? error : decodingError(type, bytes, error);
  }
}

async function readImageFile(imagePath: string): Promise<Buffer> {
  try {
    const { size } = await stat(imagePath);
    if (size === 0) throw new PreviewError("empty_image", "The image file is empty.");
    if (size > MAX_FILE_BYTES) {
      throw new PreviewError(
        "image_too_large",
        `The image file is larger than ${MAX_FILE_BYTES / 1024 / 1024} MB. Use a smaller one.`,
      );
    }
    return await readFile(imagePath);
  } catch (error) {
    if (error instanceof PreviewError) throw error;
    throw new PreviewError("image_undecodable", "The image file cannot be opened.", { cause: error });
  }
}

function checkSize(width: number, height: number): void {
  if (width * height > MAX_PIXELS) {
    throw new PreviewError(
      "image_too_large",
      `The image has ${width}x${height} pixels; at most ${MAX_PIXELS / 1e6} million are accepted.`,
    );
  }
  if (Math.min(width, height) < MIN_SIDE_PX) {
    throw new PreviewError(
      "image_too_small",
      `The image has ${width}x${height} pixels; both sides need at least ${MIN_SIDE_PX}.`,
    );
  }
}

function decodingError(type: ImageType, bytes: Buffer, cause: unknown): PreviewError {
  return isImageTruncated(type, bytes)
    ? new PreviewError("image_truncated", "The image file is incomplete. Upload it again.", { cause })
    : new PreviewError("image_undecodable", "The image file is damaged and cannot be decoded.", { cause });
}
