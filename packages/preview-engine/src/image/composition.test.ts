import { describe, expect, test } from "vitest";
import type { Landmark } from "../face/face-mesh.ts";
import { type Aspect, composeFrame, frameSizeFor, moveIntoFrame } from "./composition.ts";

/** Landmarks that fill an oval, as far as the composition looks at them. */
function aFace(centerX: number, centerY: number, height: number): Landmark[] {
  return Array.from({ length: 468 }, (_, i) => ({
    x: centerX + 0.38 * height * Math.cos(i),
    y: centerY + 0.5 * height * Math.sin(i),
    z: 0,
  }));
}

describe("aspect auto takes the shape nearest to the portrait", () => {
  test.each([
    [1600, 1000, 1280, 720],
    [1000, 1600, 720, 1280],
    [1000, 1000, 960, 960],
    [1100, 1000, 960, 960],
  ])("%ix%i becomes %ix%i", (width, height, frameWidth, frameHeight) => {
    expect(frameSizeFor("auto", { width, height })).toEqual({ width: frameWidth, height: frameHeight });
  });
});

const ASPECTS: readonly Aspect[] = ["16:9", "9:16", "1:1"];
const portraits = [
  { width: 512, height: 512 },
  { width: 3000, height: 2000 },
  { width: 900, height: 1600 },
  { width: 400, height: 1200 },
].flatMap((portrait) =>
  [0.15, 0.5, 0.85].flatMap((x) =>
    [0.2, 0.5, 0.8].flatMap((y) => [0.1, 0.3, 0.9].map((size) => ({ portrait, x, y, size }))),
  ),
);

test("the picture always lies inside the portrait and inside the frame", () => {
  for (const { portrait, x, y, size } of portraits) {
    const face = aFace(
      x * portrait.width,
      y * portrait.height,
      size * Math.min(portrait.width, portrait.height),
    );
    for (const aspect of ASPECTS) {
      for (const fit of ["crop", "pad"] as const) {
        const { frame, source, target } = composeFrame(portrait, face, aspect, fit);
        for (const [inner, outer] of [
          [source, portrait],
          [target, frame],
        ] as const) {
          expect(inner.left).toBeGreaterThanOrEqual(0);
          expect(inner.top).toBeGreaterThanOrEqual(0);
          expect(inner.width).toBeGreaterThan(0);
          expect(inner.height).toBeGreaterThan(0);
          expect(inner.left + inner.width).toBeLessThanOrEqual(outer.width);
          expect(inner.top + inner.height).toBeLessThanOrEqual(outer.height);
        }
        const stretch = (target.width * source.height) / (target.height * source.width);
        expect(Math.abs(stretch - 1)).toBeLessThan(0.02);
      }
    }
  }
});

test("a face that the portrait holds whole is whole in the frame", () => {
  for (const { portrait, x, y, size } of portraits) {
    const height = size * Math.min(portrait.width, portrait.height);
    const face = aFace(x * portrait.width, y * portrait.height, height);
    for (const aspect of ASPECTS) {
      const composition = composeFrame(portrait, face, aspect, "crop");
      const { target } = composition;
      const inside = face.filter(
        (p) => p.x >= 0 && p.y >= 0 && p.x <= portrait.width && p.y <= portrait.height,
      );
      const outside = moveIntoFrame(inside, composition).filter(
        (point) =>
          point.x < target.left - 2 ||
          point.y < target.top - 2 ||
          point.x > target.left + target.width + 2 ||
          point.y > target.top + target.height + 2,
      );
      expect(outside).toEqual([]);
    }
  }
});

test("a small face is brought closer when cropping and left alone when padding", () => {
  const portrait = { width: 2000, height: 2000 };
  const face = aFace(1000, 700, 200);
  const shareOf = (fit: "crop" | "pad") => {
    const { frame, source, target } = composeFrame(portrait, face, "16:9", fit);
    return (200 * target.height) / source.height / frame.height;
  };
  expect(shareOf("crop")).toBeGreaterThan(0.23);
  expect(shareOf("pad")).toBeCloseTo(0.1, 2);
});

test("a face too tall for the frame's shape is shown whole beside an extension", () => {
  const { frame, source, target } = composeFrame(
    { width: 600, height: 600 },
    aFace(300, 300, 500),
    "16:9",
    "crop",
  );
  expect(source.height).toBe(600);
  expect(target.height).toBe(frame.height);
  expect(target.width).toBeLessThan(frame.width);
});

test("pad shows the whole portrait", () => {
  const portrait = { width: 512, height: 512 };
  const { source, target } = composeFrame(portrait, aFace(225, 125, 107), "16:9", "pad");
  expect(source).toEqual({ left: 0, top: 0, ...portrait });
  expect(target).toEqual({ left: 280, top: 0, width: 720, height: 720 });
});
