import { expect, test } from "vitest";
import { createRandom } from "../motion/random.ts";
import { clampedInside, drawTriangle } from "./draw-triangle.ts";
import type { Plane } from "./yuv-image.ts";

const SIZE = 40;

function aPlane(valueAt: (x: number, y: number) => number): Plane {
  const data = new Uint8Array(SIZE * SIZE + SIZE + 2);
  for (let i = 0; i < SIZE * SIZE; i++) data[i] = valueAt(i % SIZE, Math.floor(i / SIZE));
  return { width: SIZE, height: SIZE, data };
}

/** A net of random corners joined in fans around the frame's middle, covering it. */
function aFan(moveX: (x: number) => number) {
  const corners = [
    [0, 0],
    [SIZE, 0],
    [SIZE, SIZE],
    [0, SIZE],
    [17.3, 22.9],
  ] as const;
  return {
    sourceX: Float64Array.from(corners, ([x]) => clampedInside(moveX(x), SIZE)),
    sourceY: Float64Array.from(corners, ([, y]) => clampedInside(y, SIZE)),
    targetX: Float64Array.from(corners, ([x]) => x),
    targetY: Float64Array.from(corners, ([, y]) => y),
  };
}

test("every pixel belongs to exactly one of the triangles that meet in a point", () => {
  const net = aFan((x) => x);
  const covered = new Uint8Array(SIZE * SIZE);
  for (let corner = 0; corner < 4; corner++) {
    const target = aPlane(() => 0);
    drawTriangle(
      target,
      aPlane(() => 200),
      net,
      4,
      corner,
      (corner + 1) % 4,
    );
    for (let i = 0; i < covered.length; i++) if (target.data[i] === 200) covered[i] = (covered[i] ?? 0) + 1;
  }
  expect(covered.every((times) => times === 1)).toBe(true);
});

test("a triangle that does not move copies the portrait", () => {
  const random = createRandom(1);
  const source = aPlane(() => Math.floor(random() * 256));
  const target = aPlane(() => 0);
  const net = {
    sourceX: Float64Array.of(4, 36, 10),
    sourceY: Float64Array.of(5, 12, 35),
    targetX: Float64Array.of(4, 36, 10),
    targetY: Float64Array.of(5, 12, 35),
  };
  drawTriangle(target, source, net, 0, 1, 2);
  const drawn = [...target.data].map((value, i) => [value, source.data[i]]).filter(([value]) => value !== 0);
  expect(drawn.length).toBeGreaterThan(300);
  expect(
    Math.max(...drawn.map(([value = 0, original = 0]) => Math.abs(value - original))),
  ).toBeLessThanOrEqual(1);
});

test("moving a gradient by two pixels moves its values by two steps", () => {
  const source = aPlane((x) => 4 * x);
  const target = aPlane(() => 0);
  const net = {
    sourceX: Float64Array.of(7, 32, 7),
    sourceY: Float64Array.of(5, 5, 35),
    targetX: Float64Array.of(9, 34, 9),
    targetY: Float64Array.of(5, 5, 35),
  };
  drawTriangle(target, source, net, 0, 1, 2);
  expect(target.data[10 * SIZE + 15]).toBe(4 * 13);
});

test("corners far outside the frame neither fail nor write outside it", () => {
  const target = aPlane(() => 7);
  const net = {
    sourceX: Float64Array.of(0.5, SIZE - 0.55, 0.5),
    sourceY: Float64Array.of(0.5, 0.5, SIZE - 0.55),
    targetX: Float64Array.of(-500, 700, -500),
    targetY: Float64Array.of(-500, -500, 700),
  };
  drawTriangle(
    target,
    aPlane(() => 99),
    net,
    0,
    1,
    2,
  );
  expect(target.data.subarray(SIZE * SIZE).every((value) => value === 0)).toBe(true);
});
