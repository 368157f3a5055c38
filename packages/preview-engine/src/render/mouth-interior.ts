import { INNER_LIPS } from "../face/landmark-indices.ts";
import { clamp, mix, smoothStep } from "../numbers.ts";
import { mouthShare } from "../rig/mouth-shape.ts";
import { signedDistance } from "../rig/polygon.ts";
import type { MouthOpening, PosedRig } from "../rig/pose-vertices.ts";
import type { Rig } from "../rig/rig.ts";
import type { MouthColours } from "./mouth-colours.ts";
import type { YuvImage } from "./yuv-image.ts";

/** A pixel of the mouth's inside, in face axes with the head's movement taken out. */
interface InsidePixel {
  /** In the frame, moved back to where the skull is in the portrait. */
  readonly x: number;
  readonly y: number;
  readonly across: number;
  readonly down: number;
  /** Distance from the lips. */
  readonly depth: number;
}

/** Heights and widths below are in face units. */
const TOOTH_HEIGHT = 0.052;
const TOOTH_EDGE = 0.007;
const TEETH_PER_SIDE = 4.4;

/**
 * Paints what shows between the parted lips: a dark cavity, the tongue, and the upper teeth, which belong to
 * the skull and do not follow the jaw. A portrait that shows teeth lends its own; others get drawn ones.
 *
 * @param portrait the still frame
 */
export function createMouthPainter(rig: Rig, portrait: YuvImage, colours: MouthColours) {
  const { axes, mouth, restOpening } = rig;
  const { unit } = axes;
  const edge = Math.max(1.2, TOOTH_EDGE * unit);
  const outline = new Float64Array(2 * INNER_LIPS.length);
  const [portraitLuma, portraitBlue, portraitRed] = portrait.planes;
  const colour = new Float64Array(3);

  return function paintMouth(frame: YuvImage, { x, y, opening }: PosedRig, round: number): void {
    // At rest the portrait's own mouth is right, so the painted one fades in with the movement.
    const appear =
      opening.change > 0
        ? smoothStep(0, 0.03 * unit, opening.change)
        : mouth.smile * smoothStep(0, 0.02 * unit, -opening.change);
    if (appear <= 0.01) return;
    INNER_LIPS.forEach((vertex, i) => {
      outline[2 * i] = x[vertex] as number;
      outline[2 * i + 1] = y[vertex] as number;
    });
    const bounds = evenBounds(outline, frame);
    const blocksPerRow = (bounds.right - bounds.left) >> 1;
    const blend = new Float64Array(3 * blocksPerRow);
    for (let row = bounds.top; row < bounds.bottom; row++) {
      if (row % 2 === 0) blend.fill(0);
      for (let column = bounds.left; column < bounds.right; column++) {
        const depth = -signedDistance(outline, column + 0.5, row + 0.5);
        const cover = clamp((depth + 0.6) / (1.2 + 0.4 * edge)) * appear;
        if (cover <= 0.01) continue;
        paintInside(
          pixelAt(column + 0.5 - opening.skullX, row + 0.5 - opening.skullY, depth),
          opening,
          round,
        );
        const at = row * frame.width + column;
        const luma = frame.planes[0].data;
        luma[at] = mix(luma[at] as number, colour[0] as number, cover) + 0.5;
        const block = 3 * ((column - bounds.left) >> 1);
        blend[block] = (blend[block] as number) + cover * (colour[1] as number);
        blend[block + 1] = (blend[block + 1] as number) + cover * (colour[2] as number);
        blend[block + 2] = (blend[block + 2] as number) + cover;
      }
      if (row % 2 === 1) blendChroma(frame, blend, bounds.left >> 1, row >> 1);
    }
  };

  function pixelAt(px: number, py: number, depth: number): InsidePixel {
    const dx = px - axes.originX;
    const dy = py - axes.originY;
    return {
      x: px,
      y: py,
      across: axes.cos * dx + axes.sin * dy,
      down: axes.cos * dy - axes.sin * dx,
      depth,
    };
  }

  function paintInside(pixel: InsidePixel, opening: MouthOpening, round: number): void {
    const side = mouthShare(mouth, pixel.across);
    const deep = smoothStep(0, 0.045 * unit, pixel.depth);
    const { cavityRim, cavityDeep, tongue, teeth } = colours;
    colour[0] = mix(cavityRim[0], cavityDeep[0], deep);
    colour[1] = mix(cavityRim[1], cavityDeep[1], deep);
    colour[2] = mix(cavityRim[2], cavityDeep[2], deep);
    lay(tongue[0], tongue[1], tongue[2], tongueCover(pixel, side, opening));
    if (mouth.smile > 0) layPortraitTeeth(pixel);
    if (mouth.smile < 1) {
      const shade =
        (0.66 + 0.34 * smoothStep(0, 0.032 * unit, pixel.depth)) *
        (1 - 0.3 * Math.abs(side)) *
        toothGap(side);
      lay(16 + (teeth[0] - 16) * shade, teeth[1], teeth[2], drawnTeethCover(pixel, side, opening, round));
    }
  }

  function lay(luma: number, blue: number, red: number, cover: number): void {
    colour[0] = mix(colour[0] as number, luma, cover);
    colour[1] = mix(colour[1] as number, blue, cover);
    colour[2] = mix(colour[2] as number, red, cover);
  }

  function tongueCover(
    { down, depth }: InsidePixel,
    side: number,
    { gap, lowerLipDrop }: MouthOpening,
  ): number {
    const aboveLowerLip = mouth.lowerMiddle + lowerLipDrop - down;
    return (
      0.75 *
      (1 - smoothStep(0, 0.075 * unit, aboveLowerLip)) *
      (1 - smoothStep(0.35, 0.8, Math.abs(side))) *
      smoothStep(0.05 * unit, 0.12 * unit, gap) *
      smoothStep(0, 0.02 * unit, depth)
    );
  }

  /** Copies from between the portrait's lips; above them the uppermost row of teeth goes on. */
  function layPortraitTeeth({ x, y, across, down, depth }: InsidePixel): void {
    const raised = Math.max(0, mouth.upperEdge(across) + 0.008 * unit - down);
    const sourceX = x - axes.sin * raised;
    const sourceY = y + axes.cos * raised;
    const inside = -signedDistance(restOpening, sourceX, sourceY);
    const cover = clamp((inside + 0.2) / (1.4 * edge)) * mouth.smile;
    if (cover <= 0) return;
    const column = clamp(Math.floor(sourceX), 0, portrait.width - 1);
    const row = clamp(Math.floor(sourceY), 0, portrait.height - 1);
    const shade = 0.72 + 0.28 * smoothStep(0, 0.03 * unit, depth);
    const luma = portraitLuma.data[row * portrait.width + column] as number;
    const at = (row >> 1) * portraitBlue.width + (column >> 1);
    lay(16 + (luma - 16) * shade, portraitBlue.data[at] as number, portraitRed.data[at] as number, cover);
  }

  function drawnTeethCover(
    { down }: InsidePixel,
    side: number,
    { upperLipRise }: MouthOpening,
    round: number,
  ): number {
    const height =
      TOOTH_HEIGHT *
      unit *
      Math.sqrt(Math.max(0, 1 - (side / 0.95) ** 2)) *
      toothLength(side) *
      (1 - 0.35 * round);
    const bottom = mouth.upperMiddle + height - 0.5 * upperLipRise - 0.012 * unit;
    return (
      0.95 *
      (1 - mouth.smile) *
      (1 - smoothStep(bottom - 0.012 * unit, bottom + 0.006 * unit, down)) *
      (1 - smoothStep(0.5, 0.82, Math.abs(side)))
    );
  }
}

/** A hint of darkness between neighbouring teeth. */
function toothGap(side: number): number {
  const within = (side * TEETH_PER_SIDE + 100) % 1;
  return 1 - 0.13 * (1 - smoothStep(0, 0.1, Math.min(within, 1 - within)));
}

/** Each tooth is a little longer in its middle. */
function toothLength(side: number): number {
  return 0.93 + 0.07 * Math.abs(Math.sin(Math.PI * TEETH_PER_SIDE * side));
}

/** The polygon's surroundings, on whole 2x2 blocks inside the frame. */
function evenBounds(polygon: Float64Array, { width, height }: YuvImage) {
  const xs = polygon.filter((_, i) => i % 2 === 0);
  const ys = polygon.filter((_, i) => i % 2 === 1);
  const even = (value: number, size: number) => clamp(Math.floor(value / 2) * 2, 0, size);
  return {
    left: even(Math.min(...xs) - 2, width),
    right: even(Math.max(...xs) + 4, width),
    top: even(Math.min(...ys) - 2, height),
    bottom: even(Math.max(...ys) + 4, height),
  };
}

/** @param blend per 2x2 block: sums of cover x blue, cover x red, cover */
function blendChroma({ planes }: YuvImage, blend: Float64Array, firstColumn: number, row: number): void {
  const [, blueness, redness] = planes;
  for (let block = 0; block < blend.length / 3; block++) {
    const cover = blend[3 * block + 2] as number;
    if (cover <= 0) continue;
    const at = row * blueness.width + firstColumn + block;
    const share = cover / 4;
    blueness.data[at] = mix(blueness.data[at] as number, (blend[3 * block] as number) / cover, share) + 0.5;
    redness.data[at] = mix(redness.data[at] as number, (blend[3 * block + 1] as number) / cover, share) + 0.5;
  }
}
