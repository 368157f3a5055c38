import { expect, test } from "vitest";
import { GPUS, type Gpu, PROFILES, type Profile } from "../src/facts.ts";
import { plan, type Question } from "../src/plan.ts";
import { estimate, windowsOf } from "../src/render-time.ts";
import { type Load, simulate } from "../src/simulate.ts";

const L40S = GPUS.L40S as Gpu;
const FAST = PROFILES.fast as Profile;

test.each([
  [0.5, 1],
  [81 / 25, 1],
  [82 / 25, 2],
  [153 / 25, 2],
  [154 / 25, 3],
  [10, 4],
])("%d s of video are %i windows", (seconds, windows) => {
  expect(windowsOf(seconds)).toBe(windows);
});

test("an estimate is the forwards' operations over the GPU's speed, and what each window takes beside them", () => {
  const { render, coldStart } = estimate(L40S, FAST, 5);
  expect(render.low).toBeCloseTo(2 * ((4 * 1890) / 150 + 5));
  expect(render.high).toBeCloseTo(2 * ((4 * 1890) / 110 + 5));
  expect(coldStart.low).toBeCloseTo(103.75);
});

const LOAD: Load = {
  perDay: 1,
  hours: 24,
  renderSeconds: 100,
  coldStartSeconds: 60,
  scaleUpSeconds: 4,
  idleSeconds: 5,
  workersMax: 3,
  days: 1000,
  seed: 1,
};

test("far apart, every video wakes a worker, and each is billed from wake to stop", () => {
  const outcome = simulate(LOAD);
  expect(outcome.videos).toBeGreaterThan(900);
  // Two within three minutes are rare.
  expect(outcome.coldStarts / outcome.videos).toBeGreaterThan(0.99);
  expect(outcome.billedSeconds / outcome.videos).toBeGreaterThan(164);
  expect(outcome.billedSeconds / outcome.videos).toBeLessThanOrEqual(165);
  expect(outcome.p50Seconds).toBeCloseTo(164);
});

test("without a pause, one worker renders all: billed is what is rendered", () => {
  const outcome = simulate({ ...LOAD, perDay: 5000, workersMax: 1, days: 3, renderSeconds: 16 });
  expect(outcome.coldStarts).toBeLessThan(outcome.videos / 50);
  const minimum = outcome.videos * 16 + outcome.coldStarts * 65;
  expect(outcome.billedSeconds).toBeGreaterThanOrEqual(minimum);
  expect(outcome.billedSeconds).toBeLessThanOrEqual(minimum + outcome.idleSeconds + outcome.coldStarts);
});

test("more workers shorten the waiting", () => {
  const busy = { ...LOAD, perDay: 1000, days: 20 };
  const [few, many] = [simulate({ ...busy, workersMax: 2 }), simulate({ ...busy, workersMax: 10 })];
  expect(many.p95Seconds).toBeLessThan(few.p95Seconds);
});

test("a longer idle timeout makes fewer cold starts, and costs", () => {
  const often = { ...LOAD, perDay: 400, days: 50 };
  const [short, long] = [simulate(often), simulate({ ...often, idleSeconds: 600 })];
  expect(long.coldStarts).toBeLessThan(short.coldStarts / 2);
  expect(long.idleSeconds).toBeGreaterThan(short.idleSeconds);
});

test("the same seed gives the same outcome, another one nearly the same", () => {
  expect(simulate(LOAD)).toEqual(simulate(LOAD));
  const [one, other] = [simulate({ ...LOAD, perDay: 100 }), simulate({ ...LOAD, perDay: 100, seed: 2 })];
  expect(one).not.toEqual(other);
  expect(Math.abs(one.billedSeconds / other.billedSeconds - 1)).toBeLessThan(0.02);
});

const QUESTION: Question = {
  perDay: 100,
  seconds: 5,
  gpu: "L40S",
  profile: "fast",
  hours: 24,
  idleSeconds: 5,
  workersMax: 3,
  volumeGb: 120,
  bench: undefined,
};

test("a month is thirty days of billed seconds, and the volume", () => {
  const { figures, volumeDollars } = plan(QUESTION);
  expect(volumeDollars).toBeCloseTo(8.4);
  for (const end of ["low", "high"] as const) {
    const videos = 30 * 100 * (figures?.dollarsPerVideo[end] ?? 0);
    expect(figures?.dollarsPerMonth[end]).toBeCloseTo(videos + 8.4);
  }
});

test("no more time is sold than the workers have", () => {
  const day = { ...QUESTION, profile: "balanced" };
  const found = [50, 100, 200, 250, 263, 264, 300, 350, 360, 400].map((perDay) => plan({ ...day, perDay }));
  const ownedDollars = 3 * 30 * 86_400 * 0.00053 + 8.4;
  for (const { figures, areWorkersEnough } of found) {
    expect(figures === undefined).toBe(areWorkersEnough !== "yes");
    if (figures) expect(figures.dollarsPerMonth.high).toBeLessThanOrEqual(ownedDollars);
  }
  const answers = found.map(({ areWorkersEnough }) => areWorkersEnough);
  expect(answers.join(" ")).toBe("yes yes yes yes yes perhaps perhaps perhaps no no");
});

test("within fewer hours the same workers render less", () => {
  const many = { ...QUESTION, perDay: 600 };
  expect(plan(many).areWorkersEnough).toBe("yes");
  expect(plan({ ...many, hours: 4 }).areWorkersEnough).toBe("no");
  expect(plan({ ...many, hours: 4, workersMax: 7 }).areWorkersEnough).toBe("yes");
});
