import { type Landmark, landmarkAt } from "../face/face-mesh.ts";
import { LIP_SAMPLES, SKIN_SAMPLES } from "../face/landmark-indices.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import { clamp } from "../numbers.ts";
import { toYuvColour, type YuvColour } from "./yuv-image.ts";

/** Colours of what the portrait does not show, taken from its own skin and lips so that the light fits. */
export interface MouthColours {
  readonly cavityDeep: YuvColour;
  readonly cavityRim: YuvColour;
  readonly tongue: YuvColour;
  readonly teeth: YuvColour;
}

export function measureMouthColours(
  image: RgbImage,
  landmarks: readonly Landmark[],
  unit: number,
): MouthColours {
  const skin = averageAround(image, landmarks, SKIN_SAMPLES, 0.03 * unit);
  const [red, green, blue] = averageAround(image, landmarks, LIP_SAMPLES, 0.015 * unit);
  // Enamel is the brightest thing in a face, but not brighter than its light, and takes a little of its tint.
  const brightest = Math.max(...skin);
  const enamel = clamp(1.04 * brightest, 80, 232);
  const [enamelRed, enamelGreen, enamelBlue] = skin.map((value) => enamel * (value / brightest) ** 0.28) as [
    number,
    number,
    number,
  ];
  return {
    cavityDeep: toYuvColour(0.16 * red + 10, 0.1 * green + 4, 0.1 * blue + 4),
    cavityRim: toYuvColour(0.45 * red + 10, 0.26 * green + 6, 0.28 * blue + 8),
    tongue: toYuvColour(Math.min(190, 0.72 * red + 12), 0.5 * green, 0.52 * blue),
    teeth: toYuvColour(enamelRed, enamelGreen, enamelBlue),
  };
}

function averageAround(
  { width, height, data }: RgbImage,
  landmarks: readonly Landmark[],
  indices: readonly number[],
  reachPx: number,
): [number, number, number] {
  const reach = Math.max(1, Math.round(reachPx));
  const sum: [number, number, number] = [0, 0, 0];
  let count = 0;
  for (const index of indices) {
    const { x, y } = landmarkAt(landmarks, index);
    const middleX = clamp(Math.round(x), reach, width - 1 - reach);
    const middleY = clamp(Math.round(y), reach, height - 1 - reach);
    for (let row = middleY - reach; row <= middleY + reach; row++) {
      for (let column = middleX - reach; column <= middleX + reach; column++) {
        const at = (row * width + column) * 3;
        sum[0] += data[at] as number;
        sum[1] += data[at + 1] as number;
        sum[2] += data[at + 2] as number;
        count++;
      }
    }
  }
  return [sum[0] / count, sum[1] / count, sum[2] / count];
}
