import { expect, test } from "vitest";
import { type HeadPose, planHead } from "./head-motion.ts";

const loudness = Array.from({ length: 1500 }, (_, i) => Math.max(0, Math.sin(i / 9)));

test("the same seed gives the same movement, another seed another", () => {
  expect(planHead(loudness, 7)).toEqual(planHead(loudness, 7));
  expect(planHead(loudness, 8)).not.toEqual(planHead(loudness, 7));
});

test("the head starts in the portrait's own pose with open eyes", () => {
  const [first] = planHead(loudness, 3);
  for (const value of Object.values(first ?? { missing: 1 })) expect(value).toBeCloseTo(0);
});

test("every seed blinks fully several times a minute and never for longer than half a second", () => {
  for (let seed = 0; seed < 50; seed++) {
    const closed = planHead(loudness, seed).map(({ blink }) => blink > 0.5);
    const blinks = closed.filter((isClosed, i) => isClosed && !closed[i - 1]).length;
    expect(blinks).toBeGreaterThanOrEqual(10);
    expect(blinks).toBeLessThanOrEqual(40);
    expect(closed.join("").includes("true".repeat(12))).toBe(false);
  }
});

test("angles and shifts stay small enough for a flat picture", () => {
  for (let seed = 0; seed < 20; seed++) {
    const poses = planHead(loudness, seed);
    const largest = (value: (pose: HeadPose) => number) =>
      Math.max(...poses.map((pose) => Math.abs(value(pose))));
    expect(largest(({ yaw }) => yaw)).toBeLessThan(0.07);
    expect(largest(({ pitch }) => pitch)).toBeLessThan(0.09);
    expect(largest(({ rollRad }) => rollRad)).toBeLessThan(0.025);
    expect(largest(({ shiftX, shiftY }) => Math.hypot(shiftX, shiftY))).toBeLessThan(0.03);
  }
});
