import { type Landmark, landmarkAt } from "../face/face-mesh.ts";
import { CHIN, FOREHEAD_TOP, MOUTH_CORNERS, OUTER_EYE_CORNERS } from "../face/landmark-indices.ts";

/** A point in the face's own axes: `across` along the eye line, `down` towards the chin, in frame pixels. */
export interface FacePoint {
  readonly across: number;
  readonly down: number;
}

/** Coordinates that stay with the face: origin between the mouth corners, turned with the head. */
export interface FaceAxes {
  readonly originX: number;
  readonly originY: number;
  readonly cos: number;
  readonly sin: number;
  /** The face unit: about the distance between the outer eye corners. All rig distances are shares of it. */
  readonly unit: number;
}

export function createFaceAxes(landmarks: readonly Landmark[]): FaceAxes {
  const [rightEye, leftEye] = OUTER_EYE_CORNERS.map((i) => landmarkAt(landmarks, i)) as [Landmark, Landmark];
  const [rightCorner, leftCorner] = MOUTH_CORNERS.map((i) => landmarkAt(landmarks, i)) as [
    Landmark,
    Landmark,
  ];
  const top = landmarkAt(landmarks, FOREHEAD_TOP);
  const chin = landmarkAt(landmarks, CHIN);
  const rollRad = Math.atan2(leftEye.y - rightEye.y, leftEye.x - rightEye.x);
  const eyeDistance = Math.hypot(leftEye.x - rightEye.x, leftEye.y - rightEye.y);
  return {
    originX: (rightCorner.x + leftCorner.x) / 2,
    originY: (rightCorner.y + leftCorner.y) / 2,
    cos: Math.cos(rollRad),
    sin: Math.sin(rollRad),
    // A turned head brings the eyes together but keeps its height.
    unit: Math.max(eyeDistance, 0.62 * Math.hypot(chin.x - top.x, chin.y - top.y)),
  };
}

export function toFace(axes: FaceAxes, x: number, y: number): FacePoint {
  const dx = x - axes.originX;
  const dy = y - axes.originY;
  return { across: axes.cos * dx + axes.sin * dy, down: axes.cos * dy - axes.sin * dx };
}
