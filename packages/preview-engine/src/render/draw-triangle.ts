import type { Plane } from "./yuv-image.ts";

/** Coordinates of the net's vertices in one plane. */
export interface PlaneNet {
  /** Where each vertex is in the portrait, clamped by `clampedInside`. */
  readonly sourceX: Float64Array;
  readonly sourceY: Float64Array;
  /** Where it is in the frame. */
  readonly targetX: Float64Array;
  readonly targetY: Float64Array;
}

/**
 * A source coordinate that keeps the bilinear filter inside the plane without a test per pixel: half a pixel
 * from the start, a little more from the end.
 */
export function clampedInside(position: number, size: number): number {
  return Math.min(Math.max(position, 0.5), size - 0.55);
}

/**
 * Paints one triangle of the portrait at its place in the frame: affine, bilinear, in 16.16 fixed point.
 * A pixel belongs to the triangle that holds its centre, so neighbours neither overlap nor leave gaps.
 *
 * `source.data` must go on for a row and two bytes after its last pixel: reading past the end of a typed
 * array makes V8 give up its fast code.
 */
export function drawTriangle(
  target: Plane,
  source: Plane,
  net: PlaneNet,
  a: number,
  b: number,
  c: number,
): void {
  const { sourceX, sourceY, targetX, targetY } = net;
  const { width, height } = target;
  let x0 = targetX[a] as number;
  let y0 = targetY[a] as number;
  let x1 = targetX[b] as number;
  let y1 = targetY[b] as number;
  let x2 = targetX[c] as number;
  let y2 = targetY[c] as number;
  const area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0);
  if (area > -1e-6 && area < 1e-6) return;

  // The source position of a target pixel is linear in its coordinates.
  const u0 = sourceX[a] as number;
  const v0 = sourceY[a] as number;
  const du1 = (sourceX[b] as number) - u0;
  const du2 = (sourceX[c] as number) - u0;
  const dv1 = (sourceY[b] as number) - v0;
  const dv2 = (sourceY[c] as number) - v0;
  const scale = 65536 / area;
  const uPerX = (du1 * (y2 - y0) - du2 * (y1 - y0)) * scale;
  const uPerY = (du2 * (x1 - x0) - du1 * (x2 - x0)) * scale;
  const vPerX = (dv1 * (y2 - y0) - dv2 * (y1 - y0)) * scale;
  const vPerY = (dv2 * (x1 - x0) - dv1 * (x2 - x0)) * scale;
  const uStart = (u0 - 0.5) * 65536 - uPerX * x0 - uPerY * y0;
  const vStart = (v0 - 0.5) * 65536 - vPerX * x0 - vPerY * y0;
  const uStep = Math.round(uPerX) | 0;
  const vStep = Math.round(vPerX) | 0;

  let swap: number;
  if (y0 > y1) {
    swap = x0;
    x0 = x1;
    x1 = swap;
    swap = y0;
    y0 = y1;
    y1 = swap;
  }
  if (y1 > y2) {
    swap = x1;
    x1 = x2;
    x2 = swap;
    swap = y1;
    y1 = y2;
    y2 = swap;
  }
  if (y0 > y1) {
    swap = x0;
    x0 = x1;
    x1 = swap;
    swap = y0;
    y0 = y1;
    y1 = swap;
  }
  const longSlope = (x2 - x0) / (y2 - y0);
  const upperSlope = y1 > y0 ? (x1 - x0) / (y1 - y0) : 0;
  const lowerSlope = y2 > y1 ? (x2 - x1) / (y2 - y1) : 0;

  const firstRow = Math.max(0, Math.ceil(y0 - 0.5));
  const endRow = Math.min(height, Math.ceil(y2 - 0.5));
  const from = source.data;
  const to = target.data;
  for (let row = firstRow; row < endRow; row++) {
    const y = row + 0.5;
    const longX = x0 + longSlope * (y - y0);
    const shortX = y < y1 ? x0 + upperSlope * (y - y0) : x1 + lowerSlope * (y - y1);
    const first = Math.max(0, Math.ceil(Math.min(longX, shortX) - 0.5));
    const end = Math.min(width, Math.ceil(Math.max(longX, shortX) - 0.5));
    if (first >= end) continue;
    let u = Math.max(0, uStart + uPerX * (first + 0.5) + uPerY * y) | 0;
    let v = Math.max(0, vStart + vPerX * (first + 0.5) + vPerY * y) | 0;
    const rowEnd = row * width + end;
    for (let out = row * width + first; out < rowEnd; out++) {
      const p = (Math.imul(v >> 16, width) + (u >> 16)) | 0;
      const shareX = (u >> 8) & 255;
      const shareY = (v >> 8) & 255;
      const topLeft = from[p] as number;
      const topRight = from[p + 1] as number;
      const bottomLeft = from[p + width] as number;
      const bottomRight = from[p + width + 1] as number;
      const top = ((topLeft << 8) + Math.imul(topRight - topLeft, shareX)) | 0;
      const bottom = ((bottomLeft << 8) + Math.imul(bottomRight - bottomLeft, shareX)) | 0;
      to[out] = ((top << 8) + Math.imul(bottom - top, shareY) + 32768) >> 16;
      u = (u + uStep) | 0;
      v = (v + vStep) | 0;
    }
  }
}
