import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { run } from "../src/run.ts";

function cli(...args: string[]) {
  const said: string[] = [];
  const code = run(args, (text) => said.push(text));
  return { code, text: said.join("\n") };
}

/** Its lines one after the other, however they were wrapped. */
const flat = (text: string) => text.replaceAll(/\s+/g, " ");

function aFile(content: string): string {
  const folder = mkdtempSync(join(tmpdir(), "avatar-plan-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "bench.json");
  writeFileSync(path, content);
  return path;
}

const benchFile = (bench: object) => aFile(JSON.stringify(bench));

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

test("every number of the report says whether it is estimated, and where it comes from", () => {
  const { code, text } = cli();
  expect(code).toBe(0);
  expect(text).toMatch(/render on a warm worker +111 to 147 s +estimated/);
  expect(text).toMatch(/request to video, p95 +219 to 327 s +simulated/);
  expect(text).toMatch(/share of cold starts +98 to 99 % +simulated/);
  expect(text).toContain("profile fast renders 0.4 megapixels, scaled up to 720p");
  const sources = flat(text.slice(text.indexOf("Where the numbers come from")));
  expect(sources).toContain("this worker was not measured on a GPU yet");
  expect(sources).toContain("MeiGen-AI/MultiTalk issue 23, 2025-06-17");
  expect(sources).toContain("README.md, 2025-12-01");
  expect(sources).toContain(
    "the rest of a window (assumed): in seconds: 5 (fast), 12 (balanced), 12 (quality)",
  );
  expect(sources).toMatch(
    /4 s before a worker wakes \(assumed\): .* packages\/fake-runpod wakes that at once/,
  );
  expect(sources).toContain("stored copies of the vendors' pages, read in November 2026: HeyGen: prices;");
  expect(sources).toContain("Fetching the files and uploading the video are not in it");
});

test("the patience is judged for a warm worker, and for 95 % of the videos at this rate", () => {
  const { text } = cli();
  expect(text).toMatch(/L40S fast 3 s +55 to 74 s +yes +\$\d+ to \$\d+ +no +163 to 253 s +no\n/);
  expect(text).toMatch(/L40S fast 5 s +111 to 147 s +perhaps /);
  expect(cli("--per-day", "600", "--idle-timeout", "1200").text).toMatch(
    /H100 fast 3 s .* yes +\S+ to \S+ +no .* yes\n/,
  );
});

test("what the workers cannot render has no costs and no waits", () => {
  expect(cli().text).toMatch(/L40S quality 10 s +2864 to 3888 s +no +more than 3 workers can render\n/);
  const { text } = cli("--per-day", "300", "--profile", "balanced");
  expect(text).toContain("That is perhaps more than 3 workers can render");
  expect(text).toMatch(/workers that rendering keeps busy +2.5 to 3.4/);
  expect(text).not.toMatch(/a month +\$\d.*simulated|request to video, p50|\d{6} s/);
  expect(cli("--per-day", "500", "--workers-max", "1").text).toMatch(/ more than 1 worker can render\n/);
});

test("for machines there is JSON, with the sources, and without figures where the workers are not enough", () => {
  const json = (...args: string[]) => JSON.parse(cli("--json", ...args).text);
  const found = json("--per-day", "10");
  expect(found).toMatchObject({ question: { perDay: 10 }, gpu: { name: "NVIDIA L40S" } });
  expect(found).toMatchObject({
    areWorkersEnough: "yes",
    figures: { p95Seconds: { low: expect.any(Number) } },
  });
  expect(found.sources).toContainEqual(
    expect.objectContaining({ figure: "speed of an L40S", kind: "estimated" }),
  );
  expect(found.market[0]).toMatchObject({
    name: "HeyGen Avatar IV",
    dollars720p: 0.05,
    page: "HeyGen: prices",
  });
  expect(json("--per-day", "300", "--profile", "balanced")).toMatchObject({
    areWorkersEnough: "perhaps",
    figures: null,
  });
});

test("what a GPU's bench measured takes the place of the estimate", () => {
  const { code, text } = cli("--bench", benchFile(BENCH), "--seconds", "10");
  expect(code).toBe(0);
  expect(text).toMatch(/render on a warm worker +160 to 168 s +measured/);
  expect(flat(text)).toMatch(
    /\(measured\): 2 videos after a first one on NVIDIA L40S.* Fetching the files and uploading the video are not in it/,
  );
  expect(text).not.toMatch(/estimated|balanced/);
});

test("what the worker's bench prints is read", () => {
  const printed = fileURLToPath(new URL("../../../gpu-worker/tests/bench.example.json", import.meta.url));
  const { code, text } = cli("--bench", printed);
  expect(code).toBe(0);
  expect(text).toMatch(/render on a warm worker +126 to 130 s +measured/);
  expect(text).toMatch(/start of a cold worker +120 s +measured/);
});

test("one is not many", () => {
  const { text } = cli("--workers-max", "1", "--per-day", "1");
  expect(text).toContain("1 video a day of 5 s");
  expect(text).toContain("at most 1 worker that goes away");
});

test.each(["--help", "-h"])("%s explains the options", (option) => {
  const { code, text } = cli(option);
  expect(code).toBe(0);
  expect(text).toMatch(/^Usage: plan/);
  expect(text).toContain("--workers-max <n>     workers that may be awake at once (3)");
  expect(text).toMatch(/--volume-gb <n> .*\(120, where they are downloaded to it/);
});

test.each([
  [["--per-day", "many"], /^--per-day: expected a number/],
  [["--seconds", "0"], /^--seconds: expected a number from 0.5/],
  [["--workers-max", "1.9"], /^--workers-max: expected a whole number from 1 to 1000/],
  [["--gpu", "B200"], /^--gpu: expected L40S or H100; nothing is known about B200/],
  [["--gpu", "toString"], /^--gpu: expected/],
  [["--profile", "best"], /^--profile: expected/],
  [["--cheap"], /Usage/],
  [["--bench", "nowhere.json"], /^--bench nowhere.json: the file cannot be read \(ENOENT\)$/],
])("%j is refused with a remedy", (args, message) => {
  expect(cli(...args)).toEqual({ code: 2, text: expect.stringMatching(message) });
});

const NOT_PRINTED = /^--bench .*bench.json: the file is not what `python -m avatar_worker.bench` prints$/;
test.each([
  ["another profile", JSON.stringify({ ...BENCH, profile: "quality" }), /: add --profile quality$/],
  ["another GPU", JSON.stringify({ ...BENCH, gpu: { name: "NVIDIA H100 80GB HBM3" } }), /: add --gpu H100$/],
  ["an unknown GPU", JSON.stringify({ ...BENCH, gpu: { name: "NVIDIA B200" } }), /known of L40S and H100$/],
  ["the stub", JSON.stringify({ ...BENCH, engine: "stub" }), /without a GPU/],
  ["anything else", JSON.stringify({ hello: 1 }), NOT_PRINTED],
  ["nothing", "null", NOT_PRINTED],
  ["no videos", JSON.stringify({ ...BENCH, videos: [null] }), NOT_PRINTED],
  ["half a file", '{"v": 1, "engine"', /^--bench .*bench.json: the file is no whole JSON/],
])("a bench of %s is refused", (_, content, message) => {
  expect(cli("--bench", aFile(content))).toEqual({ code: 2, text: expect.stringMatching(message) });
});
