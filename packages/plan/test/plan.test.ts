import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { GPUS, type Gpu, PROFILES, type Profile } from "../src/facts.ts";
import { plan } from "../src/plan.ts";
import { estimate, windowsOf } from "../src/render-time.ts";
import { run } from "../src/run.ts";
import { type Load, simulate } from "../src/simulate.ts";

const L40S = GPUS.L40S as Gpu;
const FAST = PROFILES.fast as Profile;

function cli(...args: string[]) {
  const said: string[] = [];
  const code = run(args, (text) => said.push(text));
  return { code, text: said.join("\n") };
}

function benchFile(bench: object): string {
  const folder = mkdtempSync(join(tmpdir(), "avatar-plan-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "bench.json");
  writeFileSync(path, JSON.stringify(bench));
  return path;
}

const BENCH = {
  v: 1,
  engine: "infinitetalk",
  profile: "fast",
  gpu: { name: "NVIDIA L40S", peakMb: 40_000 },
  load: { seconds: 70 },
  videos: [
    { windows: 2, totalSeconds: 90 },
    { windows: 2, totalSeconds: 80 },
    { windows: 2, totalSeconds: 84 },
  ],
};

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

test("a month is thirty days of billed seconds, and the volume", () => {
  const question = {
    perDay: 100,
    seconds: 5,
    gpu: "L40S",
    profile: "fast",
    hours: 24,
    idleSeconds: 5,
    workersMax: 3,
    volumeGb: 80,
    bench: undefined,
  };
  const found = plan(question);
  for (const end of ["low", "high"] as const)
    expect(found.dollarsPerMonth[end] / (30 * 100 * found.dollarsPerVideo[end] + 5.6)).toBeCloseTo(1, 1);
});

test("the report labels what is estimated, and names its sources and the market", () => {
  const { code, text } = cli();
  expect(code).toBe(0);
  expect(text).toMatch(/Times: estimated/);
  expect(text).toContain("Nothing of this was measured on a GPU yet");
  expect(text).toContain("HeyGen Avatar IV");
  expect(text).toMatch(/L40S fast 3 s .* yes\n/);
});

test("what a GPU's bench measured takes the place of the estimate", () => {
  const { code, text } = cli("--bench", benchFile(BENCH), "--seconds", "10");
  expect(code).toBe(0);
  expect(text).toContain("render on a warm worker              160 s to 168 s");
  expect(text).toContain("measured: 3 videos on NVIDIA L40S");
  expect(text).not.toMatch(/estimated|H100|balanced/);
});

test("for machines there is JSON", () => {
  const { text } = cli("--json", "--per-day", "10");
  expect(JSON.parse(text)).toMatchObject({ question: { perDay: 10 }, gpu: { name: "NVIDIA L40S" } });
});

test.each([
  [["--per-day", "many"], /--per-day: expected a number/],
  [["--seconds", "0"], /--seconds: expected a number from 0.5/],
  [["--gpu", "B200"], /--gpu: expected L40S or H100; nothing is known about B200/],
  [["--gpu", "toString"], /--gpu: expected/],
  [["--profile", "best"], /--profile: expected/],
  [["--cheap"], /Usage/],
  [["--bench", "nowhere.json"], /--bench nowhere.json: ENOENT/],
])("%j is refused with a remedy", (args, message) => {
  expect(cli(...args)).toEqual({ code: 2, text: expect.stringMatching(message) });
});

test.each([
  ["another profile", { ...BENCH, profile: "quality" }, /add --profile quality/],
  ["another GPU", { ...BENCH, gpu: { name: "NVIDIA H100 80GB HBM3" } }, /not on --gpu L40S/],
  ["the stub", { ...BENCH, engine: "stub" }, /without a GPU/],
  ["anything else", { hello: 1 }, /not what `python -m avatar_worker.bench` prints/],
])("a bench of %s is refused", (_, bench, message) => {
  expect(cli("--bench", benchFile(bench))).toEqual({ code: 2, text: expect.stringMatching(message) });
});
