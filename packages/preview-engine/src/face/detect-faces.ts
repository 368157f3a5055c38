import type { Rectangle, RgbImage } from "../image/rgb-image.ts";
import { type GraphModel, loadGraphModel } from "./graph-model.ts";
import { runGraph } from "./graph-runner.ts";
import { cropSquare } from "./square-crop.ts";

/** Where a face may be, in pixels of the picture. The detector also fires on cups and cats: see find-face.ts. */
export interface FaceCandidate {
  readonly probability: number;
  readonly centerX: number;
  readonly centerY: number;
  /** Side of a square from brow to chin. */
  readonly size: number;
  /** Tilt of the line between the eyes, clockwise on screen. */
  readonly rollRad: number;
}

const INPUT_SIZE = 256;
const VALUES_PER_ANCHOR = 16;
/** BlazeFace (back camera) grids: cell size in input pixels, anchors per cell, result names. */
const GRIDS = [
  { cell: 16, anchorsPerCell: 2, scores: "Identity", boxes: "Identity_2" },
  { cell: 32, anchorsPerCell: 6, scores: "Identity_1", boxes: "Identity_3" },
] as const;

let model: GraphModel | undefined;

/** Finds faces within `region`, most probable first, each once. */
export function detectFaces(image: RgbImage, region: Rectangle, minProbability: number): FaceCandidate[] {
  model ??= loadGraphModel(
    new URL("../../models/blazeface.json", import.meta.url),
    new URL("../../models/blazeface.bin", import.meta.url),
  );
  const size = Math.max(region.width, region.height);
  const left = region.left + region.width / 2 - size / 2;
  const top = region.top + region.height / 2 - size / 2;
  const square = { centerX: left + size / 2, centerY: top + size / 2, size, angleRad: 0 };
  const results = runGraph(model, cropSquare(image, square, INPUT_SIZE, -1, 1));
  const scale = size / INPUT_SIZE;
  const found: FaceCandidate[] = [];
  for (const { cell, anchorsPerCell, scores, boxes } of GRIDS) {
    const cellsPerRow = INPUT_SIZE / cell;
    const boxData = results.get(boxes)?.data ?? new Float32Array();
    results.get(scores)?.data.forEach((score, anchor) => {
      const probability = 1 / (1 + Math.exp(-score));
      if (probability < minProbability) return;
      const cellIndex = Math.floor(anchor / anchorsPerCell);
      const anchorX = ((cellIndex % cellsPerRow) + 0.5) * cell;
      const anchorY = (Math.floor(cellIndex / cellsPerRow) + 0.5) * cell;
      // Box centre, box size, then six points; the first two are the eyes.
      const box = boxData.subarray(anchor * VALUES_PER_ANCHOR, (anchor + 1) * VALUES_PER_ANCHOR);
      const [x = 0, y = 0, width = 0, height = 0, eye1X = 0, eye1Y = 0, eye2X = 0, eye2Y = 0] = box;
      found.push({
        probability,
        centerX: left + (anchorX + x) * scale,
        centerY: top + (anchorY + y) * scale,
        size: Math.max(width, height) * scale,
        rollRad: Math.atan2(eye2Y - eye1Y, eye2X - eye1X),
      });
    });
  }
  return withoutRepeats(found);
}

/** Drops every candidate whose centre lies close to that of a more probable one. */
export function withoutRepeats(found: readonly FaceCandidate[]): FaceCandidate[] {
  const kept: FaceCandidate[] = [];
  for (const face of found.toSorted((a, b) => b.probability - a.probability)) {
    const isNew = kept.every(
      (other) =>
        Math.hypot(other.centerX - face.centerX, other.centerY - face.centerY) >
        0.4 * Math.max(other.size, face.size),
    );
    if (isNew) kept.push(face);
  }
  return kept;
}
