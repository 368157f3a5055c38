import { beforeAll, describe, expect, test } from "vitest";
import { PORTRAIT } from "../../test/support/fixtures.ts";
import type { MouthPose } from "../audio/mouth-track.ts";
import type { Landmark } from "../face/face-mesh.ts";
import { landmarkAt } from "../face/face-mesh.ts";
import { findFace } from "../face/find-face.ts";
import { INNER_LOWER_LIP } from "../face/landmark-indices.ts";
import { composeFrame, moveIntoFrame } from "../image/composition.ts";
import { drawComposition } from "../image/draw-composition.ts";
import { loadPortrait } from "../image/load-portrait.ts";
import type { RgbImage } from "../image/rgb-image.ts";
import type { HeadPose } from "../motion/head-motion.ts";
import { createFrameRenderer } from "./frame-renderer.ts";
import { toYuvImage } from "./yuv-image.ts";

const CLOSED: MouthPose = { open: 0, wide: 0, round: 0, speaking: 0, loudness: 0 };
const STILL: HeadPose = { yaw: 0, pitch: 0, rollRad: 0, shiftX: 0, shiftY: 0, brow: 0, breath: 0, blink: 0 };

let still: RgbImage;
let landmarks: Landmark[];
let draw: ReturnType<typeof createFrameRenderer>;

beforeAll(async () => {
  const portrait = await loadPortrait(PORTRAIT);
  const mesh = findFace(portrait);
  const composition = composeFrame(portrait, mesh.landmarks, "16:9", "crop");
  still = await drawComposition(portrait, composition);
  landmarks = moveIntoFrame(mesh.landmarks, composition);
  draw = createFrameRenderer(still, landmarks, composition.target);
});

/** Rows and columns of the luma that differ visibly between two poses. */
function changedArea(a: Uint8Array, b: Uint8Array) {
  const area = { left: still.width, right: 0, top: still.height, bottom: 0, pixels: 0 };
  for (let i = 0; i < still.width * still.height; i++) {
    if (Math.abs((a[i] ?? 0) - (b[i] ?? 0)) <= 6) continue;
    const x = i % still.width;
    const y = Math.floor(i / still.width);
    area.left = Math.min(area.left, x);
    area.right = Math.max(area.right, x);
    area.top = Math.min(area.top, y);
    area.bottom = Math.max(area.bottom, y);
    area.pixels++;
  }
  return area;
}

describe("a frame", () => {
  test("at rest is the portrait with the PREVIEW plate, and nothing else", () => {
    const frame = draw(CLOSED, STILL);
    const changed = changedArea(frame, toYuvImage(still).bytes);
    expect(changed.left).toBeGreaterThan(still.width - 150);
    expect(changed.top).toBeGreaterThan(still.height - 60);
    expect(changed.pixels).toBeGreaterThan(500);
  });

  test("is planar 4:2:0", () => {
    expect(draw(CLOSED, STILL)).toHaveLength((1280 * 720 * 3) / 2);
  });

  test("with an open mouth differs around the mouth only", () => {
    const rest = draw(CLOSED, STILL).slice();
    const open = draw({ ...CLOSED, open: 1, speaking: 1 }, STILL);
    const changed = changedArea(rest, open);
    const lip = landmarkAt(landmarks, INNER_LOWER_LIP);
    expect(changed.pixels).toBeGreaterThan(1000);
    expect(changed.left).toBeGreaterThan(lip.x - 160);
    expect(changed.right).toBeLessThan(lip.x + 160);
    expect(changed.top).toBeGreaterThan(lip.y - 160);
    expect(changed.bottom).toBeLessThan(lip.y + 160);
  });

  test("of a blink darkens no more than the eyes", () => {
    const rest = draw(CLOSED, STILL).slice();
    const changed = changedArea(rest, draw(CLOSED, { ...STILL, blink: 1 }));
    const lip = landmarkAt(landmarks, INNER_LOWER_LIP);
    expect(changed.pixels).toBeGreaterThan(500);
    expect(changed.bottom).toBeLessThan(lip.y - 40);
  });

  test("of a turned head leaves the frame's borders as they are", () => {
    const rest = draw(CLOSED, STILL).slice();
    const turned = draw(CLOSED, { ...STILL, yaw: 0.06, rollRad: 0.02, shiftY: 0.02 });
    const border = Array.from({ length: still.width }, (_, x) => Math.abs((rest[x] ?? 0) - (turned[x] ?? 0)));
    expect(Math.max(...border)).toBeLessThanOrEqual(2);
    expect(changedArea(rest, turned).pixels).toBeGreaterThan(20_000);
  });
});
