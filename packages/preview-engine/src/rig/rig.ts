import Delaunator from "delaunator";
import { type Landmark, landmarkAt } from "../face/face-mesh.ts";
import { FACE_OVAL, INNER_LIPS, LOWER_LIP_EDGE } from "../face/landmark-indices.ts";
import type { FrameSize } from "../image/composition.ts";
import type { Rectangle } from "../image/rgb-image.ts";
import { createFaceAxes, type FaceAxes, toFace } from "./face-axes.ts";
import { type MouthShape, measureMouth } from "./mouth-shape.ts";
import { type Polygon, signedDistance } from "./polygon.ts";
import { createWeighing, type Vertex, type VertexWeights } from "./vertex-weights.ts";

/** The portrait as a net of triangles over the whole frame, ready to be moved. */
export interface Rig {
  readonly axes: FaceAxes;
  readonly mouth: MouthShape;
  readonly vertices: readonly Vertex[];
  readonly weights: readonly VertexWeights[];
  /** Vertex numbers, three per triangle. Those within the mouth come first, so that the lips cover them. */
  readonly triangles: Uint32Array;
  /** The opening between the lips in the portrait, in frame pixels. */
  readonly restOpening: Polygon;
}

/** Spacing of the vertices outside the face, in face units. */
const GRID_STEP = 0.22;
/** How far teeth may reach over the lower lip's landmarks. */
const TEETH_MARGIN = 0.014;
/** The jaw is dropped this far while the net is cut, so that no triangle joins the two lips. */
const CUTTING_DROP = 0.3;

/** @param picture the part of the frame that shows the portrait itself; nothing outside it moves */
export function createRig(found: readonly Landmark[], frame: FrameSize, picture: Rectangle): Rig {
  const axes = createFaceAxes(found);
  const landmarks = freeTeeth(found, axes);
  const points = landmarks.map(({ x, y }) => toFace(axes, x, y));
  const mouth = measureMouth(points, axes.unit);
  const vertices = [
    ...landmarks.map(({ x, y, z }, landmark) => ({ landmark, x, y, z, point: toFace(axes, x, y) })),
    ...surroundings(landmarks, axes, frame),
  ];
  const weights = vertices.map(createWeighing(points, axes.unit, mouth, picture));
  return {
    axes,
    mouth,
    vertices,
    weights,
    triangles: cutIntoTriangles(vertices, weights, axes),
    restOpening: polygonOf(INNER_LIPS, landmarks),
  };
}

/**
 * Moves the lower lip's inner edge down a little where teeth show. The landmarks are off by a pixel or two, and
 * a sliver of teeth left on the lip would move with it.
 */
function freeTeeth(landmarks: readonly Landmark[], axes: FaceAxes): readonly Landmark[] {
  const points = landmarks.map(({ x, y }) => toFace(axes, x, y));
  const drop = TEETH_MARGIN * axes.unit * measureMouth(points, axes.unit).smile;
  const edge = new Set<number>(LOWER_LIP_EDGE.slice(1, -1));
  return landmarks.map((landmark, index) =>
    edge.has(index)
      ? { ...landmark, x: landmark.x - axes.sin * drop, y: landmark.y + axes.cos * drop }
      : landmark,
  );
}

/** A grid over everything but the face, including the frame's borders. */
function surroundings(landmarks: readonly Landmark[], axes: FaceAxes, frame: FrameSize): Vertex[] {
  const oval = polygonOf(FACE_OVAL, landmarks);
  const step = Math.max(16, Math.round(GRID_STEP * axes.unit));
  const vertices: Vertex[] = [];
  for (const y of gridLines(frame.height, step)) {
    for (const x of gridLines(frame.width, step)) {
      const isBorder = x === 0 || y === 0 || x === frame.width || y === frame.height;
      if (isBorder || signedDistance(oval, x, y) > 0.55 * step) {
        vertices.push({ landmark: -1, x, y, z: 0, point: toFace(axes, x, y) });
      }
    }
  }
  return vertices;
}

function gridLines(size: number, step: number): number[] {
  const lines = Array.from({ length: Math.ceil(size / step) }, (_, i) => i * step);
  return [...lines, size];
}

function cutIntoTriangles(
  vertices: readonly Vertex[],
  weights: readonly VertexWeights[],
  axes: FaceAxes,
): Uint32Array {
  const dropped = new Float64Array(2 * vertices.length);
  vertices.forEach(({ x, y }, i) => {
    const { jaw = 0, upperLip = 0 } = weights[i] ?? {};
    const drop = axes.unit * (CUTTING_DROP * jaw - 0.02 * upperLip);
    dropped[2 * i] = x - axes.sin * drop;
    dropped[2 * i + 1] = y + axes.cos * drop;
  });
  const opening = Float64Array.from(
    INNER_LIPS.flatMap((i) => [dropped[2 * i] ?? 0, dropped[2 * i + 1] ?? 0]),
  );
  const corners = new Delaunator(dropped).triangles;
  const within: number[] = [];
  const outside: number[] = [];
  for (let i = 0; i < corners.length; i += 3) {
    const triangle = [...corners.subarray(i, i + 3)];
    const middleX = triangle.reduce((sum, corner) => sum + (dropped[2 * corner] ?? 0), 0) / 3;
    const middleY = triangle.reduce((sum, corner) => sum + (dropped[2 * corner + 1] ?? 0), 0) / 3;
    (signedDistance(opening, middleX, middleY) < 0 ? within : outside).push(...triangle);
  }
  return Uint32Array.from([...within, ...outside]);
}

function polygonOf(indices: readonly number[], landmarks: readonly Landmark[]): Polygon {
  return Float64Array.from(
    indices.flatMap((index) => {
      const { x, y } = landmarkAt(landmarks, index);
      return [x, y];
    }),
  );
}
