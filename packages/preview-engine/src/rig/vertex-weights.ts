import {
  BETWEEN_EYES,
  BROWS,
  CHIN,
  EYES,
  FOREHEAD_TOP,
  LIP_CORNERS,
  LOWER_LIP,
  NOSE_BASE,
  UPPER_LIP,
} from "../face/landmark-indices.ts";
import type { Rectangle } from "../image/rgb-image.ts";
import { clamp, mix, smoothStep } from "../numbers.ts";
import type { FacePoint } from "./face-axes.ts";
import { curveThrough, type MouthShape, mouthShare } from "./mouth-shape.ts";

/** How much a vertex takes part in each movement; see pose-vertices.ts for what the movements are. */
export interface VertexWeights {
  /** Dropping of the jaw and lower lip, and raising of the upper lip, per pixel of opening. */
  readonly jaw: number;
  readonly upperLip: number;
  /** Widening and rounding of the mouth. */
  readonly width: number;
  /** Levelling of a crooked mouth when it opens, in pixels down. */
  readonly level: number;
  readonly isLip: boolean;
  /** Closing of the lids, in pixels down. */
  readonly lid: number;
  readonly brow: number;
  /** Turning of the head, and nearness to the camera, which turning shifts more. */
  readonly head: number;
  readonly depth: number;
}

export interface Vertex {
  /** Landmark number, or -1 for a vertex outside the face. */
  readonly landmark: number;
  readonly x: number;
  readonly y: number;
  readonly z: number;
  readonly point: FacePoint;
}

/** How much of the opening the mouth's corners follow. */
const CORNER_SHARE = 0.2;

export function createWeighing(
  points: readonly FacePoint[],
  unit: number,
  mouth: MouthShape,
  picture: Rectangle,
): (vertex: Vertex) => VertexWeights {
  const at = (index: number) => points[index] as FacePoint;
  const chin = at(CHIN).down;
  const noseBase = at(NOSE_BASE).down;
  const headCenter = {
    across: mix(at(BETWEEN_EYES).across, at(FOREHEAD_TOP).across, 0.55),
    down: mix(at(BETWEEN_EYES).down, at(FOREHEAD_TOP).down, 0.55),
  };
  const lids = measureLids(points);
  const halfMouth = (mouth.reachLeft + mouth.reachRight) / 2;

  return function weigh({ landmark, x, y, z, point }) {
    const { across, down } = point;
    const isUpper = UPPER_LIP.has(landmark);
    const isLower = LOWER_LIP.has(landmark);
    const isFace = landmark >= 0;

    const headDistance = Math.hypot(
      (across - headCenter.across) / unit,
      (down - headCenter.down) / (unit * (down > headCenter.down ? 1.38 : 1.15)),
    );
    let head = 1 - smoothStep(0.95, 2, headDistance);
    if (down > chin) head *= 1 - 0.75 * smoothStep(0, 0.75 * unit, down - chin);
    if (isFace) head = Math.max(head, 0.96);
    // The picture's edges stay where they are, or what lies beyond them would show.
    const edge = Math.min(
      x - picture.left,
      y - picture.top,
      picture.left + picture.width - x,
      picture.top + picture.height - y,
    );
    head *= smoothStep(0, 0.22 * unit, edge);
    const insideEdge = smoothStep(0, 0.1 * unit, edge);

    const mouthDistance = Math.hypot(
      (across - mouth.middle) / (2.1 * halfMouth),
      (down - mouth.upperMiddle) / (0.42 * unit),
    );
    const width = Math.exp(-1.2 * mouthDistance ** 2.6) * insideEdge;
    const { jaw, upperLip } = weighMouth(point, { isUpper, isLower, isCorner: LIP_CORNERS.has(landmark) });
    return {
      jaw: jaw * insideEdge,
      upperLip,
      width,
      level: levelling(across) * width,
      isLip: isUpper || isLower,
      lid: lids.get(landmark) ?? 0,
      brow: BROWS.has(landmark) ? 1 : 0,
      head,
      depth: isFace ? clamp(0.28 - z / unit) : 0.22 * (1 - smoothStep(0.6, 1.35, headDistance)),
    };
  };

  function weighMouth(point: FacePoint, lip: { isUpper: boolean; isLower: boolean; isCorner: boolean }) {
    if (lip.isCorner) return { jaw: CORNER_SHARE, upperLip: 0 };
    const side = Math.abs(mouthShare(mouth, point.across));
    const upperEdge = mouth.upperEdge(point.across);
    const lowerEdge = mouth.lowerEdge(point.across);
    /** The opening's outline: full in the middle, closing steeply at the corners. */
    const lens = Math.max(0, 1 - Math.min(side, 1) ** 2.4) ** 0.62;
    const nearCorner = CORNER_SHARE * Math.exp(-(((side - 1) / 0.3) ** 2));

    if (lip.isLower || (!lip.isUpper && point.down > (upperEdge + lowerEdge) / 2)) {
      // From the lip (0) over the chin (1) into the neck the lens widens to a bell and fades.
      const depth = clamp((point.down - lowerEdge) / (chin - lowerEdge + 1e-6), 0, 2.2);
      const bell = Math.exp(-((side / mix(0.78, 1.75, smoothStep(0, 0.9, depth))) ** 2.6));
      const body = bell * (depth <= 1 ? mix(1, 0.8, depth) : 0.8 * (1 - smoothStep(1, 1.9, depth)));
      if (lip.isLower) return { jaw: mix(CORNER_SHARE, 1, mix(lens, bell, clamp(1.7 * depth))), upperLip: 0 };
      const below =
        side < 1 ? mix(lens, body, smoothStep(0.02, 0.3, depth)) : body * smoothStep(-0.3, 0.3, depth);
      return { jaw: Math.max(below, nearCorner * (1 - smoothStep(0.3, 1, depth))), upperLip: 0 };
    }
    const height = clamp((upperEdge - point.down) / (upperEdge - noseBase), 0, 1.5);
    const upperLip = lip.isUpper || side < 1.3 ? lens * (1 - smoothStep(0.15, 0.95, height)) : 0;
    if (lip.isUpper) return { jaw: CORNER_SHARE * smoothStep(0.55, 1, side), upperLip };
    return { jaw: height < 0.4 ? nearCorner * (1 - height / 0.4) : 0, upperLip };
  }

  /** Half of what one side of the mouth hangs lower than the other, taken back on both sides. */
  function levelling(across: number): number {
    const side = clamp(mouthShare(mouth, across), -1, 1);
    const middleAt = (share: number) => {
      const there = mouth.middle + share * (share < 0 ? mouth.reachLeft : mouth.reachRight);
      return (mouth.upperEdge(there) + mouth.lowerEdge(there)) / 2;
    };
    return (middleAt(-side) - middleAt(side)) / 2;
  }
}

/** How far each lid point travels in a blink: the upper lid nearly to the lower one, the crease behind it. */
function measureLids(points: readonly FacePoint[]): ReadonlyMap<number, number> {
  const at = (index: number) => points[index] as FacePoint;
  const travel = new Map<number, number>();
  for (const { corners, upperLid, lowerLid, crease } of EYES) {
    const lowerEdge = curveThrough([corners[0], ...lowerLid, corners[1]].map(at));
    upperLid.forEach((index, i) => {
      const gap = lowerEdge(at(index).across) - at(index).down;
      travel.set(index, 0.9 * gap);
      travel.set(crease[i] as number, 0.78 * Math.max(0, gap));
    });
    const upperMiddle = at(upperLid[3]).down;
    for (const index of lowerLid) travel.set(index, -0.08 * (at(index).down - upperMiddle));
  }
  return travel;
}
