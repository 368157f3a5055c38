import type { RgbImage } from "../image/rgb-image.ts";
import type { Tensor } from "./graph-model.ts";

/** A square cut from a picture, turned by `angleRad` (clockwise on screen) about its centre; in pixels. */
export interface Square {
  readonly centerX: number;
  readonly centerY: number;
  readonly size: number;
  readonly angleRad: number;
}

/**
 * Resamples the square to a `resolution`-sized network input whose values run from `low` (black) to `high`
 * (white). What lies outside the picture is black, as in MediaPipe.
 */
export function cropSquare(
  image: RgbImage,
  square: Square,
  resolution: number,
  low: number,
  high: number,
): Tensor {
  const { width, height, data } = image;
  const result = new Float32Array(resolution * resolution * 3);
  const cos = Math.cos(square.angleRad);
  const sin = Math.sin(square.angleRad);
  // Averaging several samples per pixel keeps a shrunken photo from aliasing.
  const samples = Math.max(1, Math.min(4, Math.round(square.size / resolution)));
  const scale = (high - low) / 255 / samples ** 2;
  for (let y = 0, target = 0; y < resolution; y++) {
    for (let x = 0; x < resolution; x++, target += 3) {
      let red = 0;
      let green = 0;
      let blue = 0;
      for (let s = 0; s < samples * samples; s++) {
        const across = ((x + ((s % samples) + 0.5) / samples) / resolution - 0.5) * square.size;
        const down = ((y + (Math.floor(s / samples) + 0.5) / samples) / resolution - 0.5) * square.size;
        const sourceX = Math.round(square.centerX + cos * across - sin * down - 0.5);
        const sourceY = Math.round(square.centerY + sin * across + cos * down - 0.5);
        if (sourceX < 0 || sourceY < 0 || sourceX >= width || sourceY >= height) continue;
        const source = (sourceY * width + sourceX) * 3;
        red += data[source] as number;
        green += data[source + 1] as number;
        blue += data[source + 2] as number;
      }
      result[target] = low + red * scale;
      result[target + 1] = low + green * scale;
      result[target + 2] = low + blue * scale;
    }
  }
  return { shape: [1, resolution, resolution, 3], data: result };
}
