import sharp, { type Sharp } from "sharp";
import type { Composition } from "./composition.ts";
import type { RgbImage } from "./rgb-image.ts";

const BACKDROP_BLUR_PX = 30;
const BACKDROP_BRIGHTNESS = 0.6;
/** Enlarging softens; beyond this factor a light sharpening brings eyes and hair back. */
const SHARPEN_ABOVE_SCALE = 1.4;

/** Draws the still frame that the animation starts from. */
export async function drawComposition(portrait: RgbImage, composition: Composition): Promise<RgbImage> {
  const { frame, source, target } = composition;
  const scaled = open(portrait)
    .extract(source)
    .resize({ width: target.width, height: target.height, fit: "fill", kernel: "lanczos3" });
  if (target.width / source.width > SHARPEN_ABOVE_SCALE) scaled.sharpen({ sigma: 1.2, m1: 0.4, m2: 1.6 });
  const picture = await scaled.raw().toBuffer();
  if (target.width === frame.width && target.height === frame.height) return { ...frame, data: picture };

  const backdrop = await open(portrait)
    .resize({ ...frame, fit: "cover" })
    .blur(BACKDROP_BLUR_PX)
    .linear(BACKDROP_BRIGHTNESS, 0)
    .raw()
    .toBuffer();
  const data = await open({ ...frame, data: backdrop })
    .composite([
      {
        input: picture,
        raw: { width: target.width, height: target.height, channels: 3 },
        left: target.left,
        top: target.top,
      },
    ])
    .removeAlpha()
    .raw()
    .toBuffer();
  return { ...frame, data };
}

function open({ width, height, data }: RgbImage): Sharp {
  return sharp(data, { raw: { width, height, channels: 3 } });
}
