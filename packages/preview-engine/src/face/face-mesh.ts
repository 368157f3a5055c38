import type { RgbImage } from "../image/rgb-image.ts";
import type { FaceCandidate } from "./detect-faces.ts";
import { type GraphModel, loadGraphModel } from "./graph-model.ts";
import { runGraph } from "./graph-runner.ts";
import { OUTER_EYE_CORNERS } from "./landmark-indices.ts";
import { cropSquare, type Square } from "./square-crop.ts";

export const LANDMARK_COUNT = 468;

export interface Landmark {
  readonly x: number;
  readonly y: number;
  /** Depth in pixels of the picture; smaller is nearer to the camera. */
  readonly z: number;
}

export interface FaceMesh {
  readonly landmarks: readonly Landmark[];
  /** How sure the network is that this is a face at all, 0 to 1. */
  readonly confidence: number;
}

const INPUT_SIZE = 192;
/** The network wants the face with half its size around it. */
const MARGIN = 1.5;

let model: GraphModel | undefined;

/** Fits the 468 points of MediaPipe FaceMesh where the detector pointed. */
export function fitFaceMesh(image: RgbImage, { centerX, centerY, size, rollRad }: FaceCandidate): FaceMesh {
  return fitWithin(image, { centerX, centerY, size: size * MARGIN, angleRad: rollRad });
}

/** Fits again where the points were, upright; twice settles them to a fraction of a pixel. */
export function refineFaceMesh(image: RgbImage, mesh: FaceMesh): FaceMesh {
  return fitWithin(image, squareAround(mesh.landmarks));
}

function fitWithin(image: RgbImage, square: Square): FaceMesh {
  model ??= loadGraphModel(
    new URL("../../models/facemesh.json", import.meta.url),
    new URL("../../models/facemesh.bin", import.meta.url),
  );
  const results = runGraph(model, cropSquare(image, square, INPUT_SIZE, 0, 1));
  const values = results.get("Identity_2")?.data ?? new Float32Array();
  const cos = Math.cos(square.angleRad);
  const sin = Math.sin(square.angleRad);
  const scale = square.size / INPUT_SIZE;
  const landmarks = Array.from({ length: LANDMARK_COUNT }, (_, i): Landmark => {
    const [x = 0, y = 0, z = 0] = values.subarray(3 * i, 3 * i + 3);
    const across = (x - INPUT_SIZE / 2) * scale;
    const down = (y - INPUT_SIZE / 2) * scale;
    return {
      x: square.centerX + cos * across - sin * down,
      y: square.centerY + sin * across + cos * down,
      z: z * scale,
    };
  });
  return { landmarks, confidence: results.get("Identity_1")?.data[0] ?? 0 };
}

function squareAround(landmarks: readonly Landmark[]): Square {
  const [right, left] = OUTER_EYE_CORNERS.map((index) => landmarkAt(landmarks, index)) as [
    Landmark,
    Landmark,
  ];
  const angleRad = Math.atan2(left.y - right.y, left.x - right.x);
  const cos = Math.cos(angleRad);
  const sin = Math.sin(angleRad);
  const across = landmarks.map(({ x, y }) => cos * x + sin * y);
  const down = landmarks.map(({ x, y }) => -sin * x + cos * y);
  const middleAcross = (Math.min(...across) + Math.max(...across)) / 2;
  const middleDown = (Math.min(...down) + Math.max(...down)) / 2;
  const extent = Math.max(Math.max(...across) - Math.min(...across), Math.max(...down) - Math.min(...down));
  return {
    centerX: cos * middleAcross - sin * middleDown,
    centerY: sin * middleAcross + cos * middleDown,
    size: extent * MARGIN,
    angleRad,
  };
}

export function landmarkAt(landmarks: readonly Landmark[], index: number): Landmark {
  const landmark = landmarks[index];
  if (landmark === undefined) throw new RangeError(`There is no landmark ${index}`);
  return landmark;
}
