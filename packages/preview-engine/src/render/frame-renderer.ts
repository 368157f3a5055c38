import type { MouthPose } from "../audio/mouth-track.ts";
import type { Landmark } from "../face/face-mesh.ts";
import type { Rectangle, RgbImage } from "../image/rgb-image.ts";
import type { HeadPose } from "../motion/head-motion.ts";
import { createPosing, type PosedRig } from "../rig/pose-vertices.ts";
import { createRig, type Rig } from "../rig/rig.ts";
import { drawBadge } from "./badge.ts";
import { clampedInside, drawTriangle, type PlaneNet } from "./draw-triangle.ts";
import { measureMouthColours } from "./mouth-colours.ts";
import { createMouthPainter } from "./mouth-interior.ts";
import { createYuvImage, type Plane, toYuvImage } from "./yuv-image.ts";

/** Triangles whose corners moved less than this altogether are left as they are in the portrait. */
const STILL_PX = 0.12;

/**
 * Prepares the portrait for drawing. The returned function draws one pose and gives the frame's bytes
 * (planar 4:2:0), valid until the next call; it keeps two frames in memory, whatever the video's length.
 *
 * @param still the frame at rest
 * @param landmarks in frame pixels
 * @param picture the part of the frame that shows the portrait itself
 */
export function createFrameRenderer(still: RgbImage, landmarks: readonly Landmark[], picture: Rectangle) {
  const rig = createRig(landmarks, still, picture);
  const pose = createPosing(rig);
  const portrait = toYuvImage(still);
  const frame = createYuvImage(still.width, still.height);
  const sources = portrait.planes.map(withGuardRow);
  const lumaNet = createNet(rig, 1, still.width, still.height);
  const chromaNet = createNet(rig, 0.5, still.width / 2, still.height / 2);
  const paintMouth = createMouthPainter(rig, portrait, measureMouthColours(still, landmarks, rig.axes.unit));

  return function drawFrame(mouth: MouthPose, head: HeadPose): Uint8Array {
    const posed = pose(mouth, head);
    moveNet(lumaNet, posed, 1);
    moveNet(chromaNet, posed, 0.5);
    frame.bytes.set(portrait.bytes);
    const moved = movedTriangles(rig, posed);
    frame.planes.forEach((plane, i) => {
      const net = i === 0 ? lumaNet : chromaNet;
      for (let t = 0; t < moved.length; t += 3) {
        const corners = [moved[t] as number, moved[t + 1] as number, moved[t + 2] as number] as const;
        drawTriangle(plane, sources[i] as Plane, net, ...corners);
      }
    });
    paintMouth(frame, posed, mouth.round);
    drawBadge(frame);
    return frame.bytes;
  };
}

function withGuardRow({ width, height, data }: Plane): Plane {
  const guarded = new Uint8Array(data.length + width + 2);
  guarded.set(data);
  return { width, height, data: guarded };
}

function createNet({ vertices }: Rig, scale: number, width: number, height: number): PlaneNet {
  return {
    sourceX: Float64Array.from(vertices, ({ x }) => clampedInside(x * scale, width)),
    sourceY: Float64Array.from(vertices, ({ y }) => clampedInside(y * scale, height)),
    targetX: new Float64Array(vertices.length),
    targetY: new Float64Array(vertices.length),
  };
}

function moveNet(net: PlaneNet, { x, y }: PosedRig, scale: number): void {
  for (let i = 0; i < x.length; i++) {
    net.targetX[i] = (x[i] as number) * scale;
    net.targetY[i] = (y[i] as number) * scale;
  }
}

/** Corner numbers of the triangles that have to be drawn, three each, in drawing order. */
function movedTriangles({ triangles, vertices }: Rig, { x, y }: PosedRig): number[] {
  const distances = vertices.map(
    (vertex, i) => Math.abs((x[i] as number) - vertex.x) + Math.abs((y[i] as number) - vertex.y),
  );
  const moved: number[] = [];
  for (let i = 0; i < triangles.length; i += 3) {
    const a = triangles[i] as number;
    const b = triangles[i + 1] as number;
    const c = triangles[i + 2] as number;
    const distance = (distances[a] as number) + (distances[b] as number) + (distances[c] as number);
    if (distance >= STILL_PX) moved.push(a, b, c);
  }
  return moved;
}
