import type { MouthPose } from "../audio/mouth-track.ts";
import { CHIN, INNER_UPPER_LIP } from "../face/landmark-indices.ts";
import type { HeadPose } from "../motion/head-motion.ts";
import { clamp } from "../numbers.ts";
import type { Rig } from "./rig.ts";

/** The net in one frame. The arrays are reused: valid until the next call. */
export interface PosedRig {
  readonly x: Float64Array;
  readonly y: Float64Array;
  readonly opening: MouthOpening;
}

/** How the mouth stands, in frame pixels. */
export interface MouthOpening {
  /** Between the lips' middles. */
  readonly gap: number;
  /** Change against the portrait, and the share of it that the lower lip takes. */
  readonly change: number;
  readonly lowerLipDrop: number;
  readonly upperLipRise: number;
  /** Where the skull, and the upper teeth with it, has moved. */
  readonly skullX: number;
  readonly skullY: number;
}

/** Widest opening; more looks like shouting. */
const MAX_GAP = 0.14;
const LOWER_LIP_SHARE = 0.84;
/** How far the head turns about the neck, below the chin. */
const NECK_BELOW_CHIN = 0.45;

export function createPosing(rig: Rig): (mouth: MouthPose, head: HeadPose) => PosedRig {
  const { axes, mouth: rest, vertices, weights } = rig;
  const { unit, cos, sin } = axes;
  const x = new Float64Array(vertices.length);
  const y = new Float64Array(vertices.length);
  const neckDown = (vertices[CHIN]?.point.down ?? 0) + NECK_BELOW_CHIN * unit;
  const neckX = axes.originX - sin * neckDown;
  const neckY = axes.originY + cos * neckDown;
  const lipMiddle = (rest.upperMiddle + rest.lowerMiddle) / 2;

  return function pose(mouth, head) {
    const headCos = Math.cos(head.rollRad);
    const headSin = Math.sin(head.rollRad);
    /** Rigid movement of a point on the head before its `head` weight. */
    const turnX = (px: number, py: number, depth: number) =>
      (px - neckX) * (headCos - 1) -
      (py - neckY) * headSin +
      unit * (head.shiftX + 1.6 * head.yaw * (depth + 0.12));
    const turnY = (px: number, py: number, depth: number) =>
      (px - neckX) * headSin +
      (py - neckY) * (headCos - 1) +
      unit * (head.shiftY + 1.4 * head.pitch * (0.9 * depth + 0.1) - 0.004 * head.breath);

    // A smile closes a good part of the way while the person talks and comes back in pauses.
    const gap =
      mouth.open * MAX_GAP * unit * (1 - 0.08 * rest.smile) * (1 - 0.12 * mouth.round) +
      rest.restGap * (1 - 0.85 * rest.smile * mouth.speaking);
    const change = gap - rest.restGap;
    const lowerLipDrop = change * (change > 0 ? LOWER_LIP_SHARE : 0.92);
    const upperLipRise = change - lowerLipDrop;
    const openness = clamp(change / (MAX_GAP * unit));
    const widening =
      (0.085 * mouth.wide - 0.23 * mouth.round) * (1 - 0.35 * rest.smile) -
      0.04 * openness -
      0.05 * rest.smile * mouth.speaking;
    const levelling = clamp(2 * openness);

    for (let i = 0; i < vertices.length; i++) {
      const vertex = vertices[i] as (typeof vertices)[number];
      const weight = weights[i] as (typeof weights)[number];
      const { across, down } = vertex.point;
      const sideways = (across - rest.middle) * widening * weight.width;
      let lowered =
        weight.jaw * lowerLipDrop -
        weight.upperLip * upperLipRise +
        weight.level * levelling +
        weight.lid * head.blink -
        weight.brow * head.brow * unit;
      // Rounded lips also push out, which from the front makes them thicker.
      if (weight.isLip) lowered += 0.1 * mouth.round * (down - lipMiddle);
      const movedX = vertex.x + cos * sideways - sin * lowered;
      const movedY = vertex.y + sin * sideways + cos * lowered;
      x[i] = movedX + weight.head * turnX(movedX, movedY, weight.depth);
      y[i] = movedY + weight.head * turnY(movedX, movedY, weight.depth);
    }

    const lip = vertices[INNER_UPPER_LIP] as (typeof vertices)[number];
    const lipWeight = weights[INNER_UPPER_LIP] as (typeof weights)[number];
    const skullX = lipWeight.head * turnX(lip.x, lip.y, lipWeight.depth);
    const skullY = lipWeight.head * turnY(lip.x, lip.y, lipWeight.depth);
    return { x, y, opening: { gap, change, lowerLipDrop, upperLipRise, skullX, skullY } };
  };
}
