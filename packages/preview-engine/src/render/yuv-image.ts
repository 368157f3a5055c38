import type { RgbImage } from "../image/rgb-image.ts";

/** Planar 4:2:0 picture, BT.709 limited range; the planes follow each other in `bytes`. Sides are even. */
export interface YuvImage {
  readonly width: number;
  readonly height: number;
  readonly bytes: Uint8Array;
  readonly planes: readonly [Plane, Plane, Plane];
}

export interface Plane {
  readonly width: number;
  readonly height: number;
  /** May be longer than width x height. */
  readonly data: Uint8Array;
}

export type YuvColour = readonly [luma: number, blue: number, red: number];

export function toYuvColour(red: number, green: number, blue: number): YuvColour {
  return [
    16 + 0.18259 * red + 0.61423 * green + 0.06201 * blue,
    128 - 0.10064 * red - 0.33857 * green + 0.43922 * blue,
    128 + 0.43922 * red - 0.39894 * green - 0.04027 * blue,
  ];
}

export function createYuvImage(width: number, height: number): YuvImage {
  const size = width * height;
  const bytes = new Uint8Array((size * 3) / 2);
  const chroma = { width: width / 2, height: height / 2 };
  return {
    width,
    height,
    bytes,
    planes: [
      { width, height, data: bytes.subarray(0, size) },
      { ...chroma, data: bytes.subarray(size, (size * 5) / 4) },
      { ...chroma, data: bytes.subarray((size * 5) / 4) },
    ],
  };
}

export function toYuvImage(image: RgbImage): YuvImage {
  const { width, height, data } = image;
  const result = createYuvImage(width, height);
  const [luma, blueness, redness] = result.planes;
  const sums = new Float64Array(3 * luma.width);
  for (let y = 0; y < height; y++) {
    if (y % 2 === 0) sums.fill(0);
    for (let x = 0; x < width; x++) {
      const source = (y * width + x) * 3;
      const red = data[source] as number;
      const green = data[source + 1] as number;
      const blue = data[source + 2] as number;
      luma.data[y * width + x] = Math.round(16 + 0.18259 * red + 0.61423 * green + 0.06201 * blue);
      const column = 3 * (x >> 1);
      sums[column] = (sums[column] as number) + red / 4;
      sums[column + 1] = (sums[column + 1] as number) + green / 4;
      sums[column + 2] = (sums[column + 2] as number) + blue / 4;
    }
    if (y % 2 === 0) continue;
    const row = (y >> 1) * blueness.width;
    for (let x = 0; x < blueness.width; x++) {
      const [red = 0, green = 0, blue = 0] = sums.subarray(3 * x, 3 * x + 3);
      const [, u, v] = toYuvColour(red, green, blue);
      blueness.data[row + x] = Math.round(u);
      redness.data[row + x] = Math.round(v);
    }
  }
  return result;
}
