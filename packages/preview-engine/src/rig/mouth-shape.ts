import {
  INNER_LOWER_LIP,
  INNER_MOUTH_CORNERS,
  INNER_UPPER_LIP,
  LOWER_LIP_EDGE,
  UPPER_LIP_EDGE,
} from "../face/landmark-indices.ts";
import { mix, smoothStep } from "../numbers.ts";
import type { FacePoint } from "./face-axes.ts";

/** The mouth as it is in the portrait, in face axes. */
export interface MouthShape {
  /** Where its middle line crosses, and how far it reaches to either side (they differ on a turned face). */
  readonly middle: number;
  readonly reachLeft: number;
  readonly reachRight: number;
  readonly upperEdge: Curve;
  readonly lowerEdge: Curve;
  readonly upperMiddle: number;
  readonly lowerMiddle: number;
  /** Opening between the lips in the portrait. */
  readonly restGap: number;
  /** 0: lips closed. 1: the portrait shows teeth, which are then used instead of drawn ones. */
  readonly smile: number;
}

/** `down` as a function of `across`, straight between its points and level beyond them. */
export type Curve = (across: number) => number;

export function measureMouth(points: readonly FacePoint[], unit: number): MouthShape {
  const at = (index: number) => points[index] as FacePoint;
  const upper = at(INNER_UPPER_LIP);
  const lower = at(INNER_LOWER_LIP);
  const [left, right] = INNER_MOUTH_CORNERS.map(at) as [FacePoint, FacePoint];
  const middle = (upper.across + lower.across) / 2;
  const leastReach = 0.15 * Math.abs(right.across - left.across);
  const restGap = Math.max(0, lower.down - upper.down);
  return {
    middle,
    reachLeft: Math.max(leastReach, middle - left.across),
    reachRight: Math.max(leastReach, right.across - middle),
    upperEdge: curveThrough(UPPER_LIP_EDGE.map(at)),
    lowerEdge: curveThrough(LOWER_LIP_EDGE.map(at)),
    upperMiddle: upper.down,
    lowerMiddle: lower.down,
    restGap,
    smile: smoothStep(0.036 * unit, 0.05 * unit, restGap),
  };
}

/** -1 at the left corner, 0 in the middle, 1 at the right corner, however the face is turned. */
export function mouthShare({ middle, reachLeft, reachRight }: MouthShape, across: number): number {
  return across < middle ? (across - middle) / reachLeft : (across - middle) / reachRight;
}

export function curveThrough(points: readonly FacePoint[]): Curve {
  const sorted = points.toSorted((a, b) => a.across - b.across);
  return (across) => {
    const next = sorted.findIndex((point) => across <= point.across);
    const right = sorted[next === -1 ? sorted.length - 1 : next] as FacePoint;
    const left = sorted[next - 1];
    if (left === undefined) return right.down;
    return mix(left.down, right.down, (across - left.across) / (right.across - left.across + 1e-9));
  };
}
