import { expect, test } from "vitest";
import { gpuSecondsOf } from "./job-cost.ts";
import type { RecentJob } from "./job-repository.ts";

/** As one window of speech renders in 55 s, however much of it is used, and ten seconds in 220 s. */
const render = (audioSeconds: number) => Math.ceil(audioSeconds / 3.24) * 55;

const jobs = (count: number, audioSeconds: number, { cold = 0, noise = 0 } = {}): RecentJob[] =>
  Array.from({ length: count }, (_, index) => {
    const runSeconds = render(audioSeconds) * (1 + (index % 2 ? noise : -noise));
    return { audioSeconds, startSeconds: 0, runSeconds, billedSeconds: runSeconds + cold };
  });

test("a short job is not reckoned with its share of a long one: it takes a window as well", () => {
  expect(gpuSecondsOf([...jobs(45, 10), ...jobs(5, 0.5)], 0.5)).toBe(render(0.5));
  expect(gpuSecondsOf(jobs(50, 3), 0.5)).toBe(render(0.5));
});

test("what nobody has sent lately is reckoned with no less than what is next to it took", () => {
  expect(gpuSecondsOf(jobs(50, 10), 0.5)).toBeGreaterThanOrEqual(render(0.5));
  expect(gpuSecondsOf(jobs(50, 10), 60)).toBeGreaterThanOrEqual(render(60));
});

test("jobs of other lengths do not move the estimate", () => {
  const long = jobs(24, 10);
  expect(gpuSecondsOf([...jobs(26, 0.5), ...long], 10)).toBe(gpuSecondsOf(long, 10));
});

test("lengths that hardly differ say nothing about others, however their renders differ", () => {
  const recent = [...jobs(25, 5, { noise: 0.2 }), ...jobs(25, 5.1, { noise: -0.2 })];
  expect(gpuSecondsOf(recent, 60)).toBeGreaterThanOrEqual(render(60));
  expect(gpuSecondsOf(recent, 60)).toBeLessThan(2 * render(60));
});

test("half of the jobs with a cold start, or a single odd one, make none dearer", () => {
  const warm = jobs(26, 10);
  expect(gpuSecondsOf([...jobs(24, 10, { cold: 175 }), ...warm], 10)).toBe(render(10));
  const [odd] = jobs(1, 10);
  if (odd) expect(gpuSecondsOf([{ ...odd, runSeconds: 3000, billedSeconds: 3000 }, ...warm], 10)).toBe(220);
});

test("a cold start that most jobs had is on top, whatever their lengths", () => {
  expect(gpuSecondsOf([...jobs(30, 10, { cold: 100 }), ...jobs(10, 3)], 3)).toBe(100 + render(3));
});

test("without jobs that were billed the worse published numbers count", () => {
  expect(gpuSecondsOf([], 3)).toBe(175 + 90);
});
