import { expect, test } from "vitest";
import { warningsOf } from "./estimate-warnings.ts";

type Facts = Parameters<typeof warningsOf>[0];

const input: Facts["input"] = { image: "upload_1", audio: "upload_2", aspect: "auto", fit: "crop" };
const check = { faults: [], audibleSeconds: 3 };

function warned(facts: Partial<Facts>): string[] {
  const good = { input, width: 1280, height: 720, audioSeconds: 4, check, queueTimeoutMs: 3_600_000 };
  return warningsOf({ ...good, ...facts }).map(({ code }) => code);
}

test("of good files nothing is said", () => {
  expect(warned({})).toEqual([]);
  expect(warned({ width: 512, height: 512, waitSeconds: 3600 })).toEqual([]);
});

test("a small image is scaled up", () => {
  expect(warned({ width: 511, height: 900 })).toEqual(["image_small"]);
});

test.each<[string, number, number, Partial<Facts["input"]>, string[]]>([
  ["upright, in a wide video", 900, 1200, { aspect: "16:9" }, ["crop_loses_most"]],
  ["the same, but all of it is kept", 900, 1200, { aspect: "16:9", fit: "pad" }, []],
  ["square, in a wide video", 900, 900, { aspect: "16:9" }, []],
  ["a banner, whose nearest video is wide", 3600, 900, {}, ["crop_loses_most"]],
  ["upright, whose nearest video is upright", 900, 1600, {}, []],
])("what a crop leaves of an image: %s", (_what, width, height, settings, expected) => {
  expect(warned({ width, height, input: { ...input, ...settings } })).toEqual(expected);
});

test("what the decoders say is passed on, and once more only of the sound", () => {
  const fault = (code: "no_face" | "audio_undecodable" | "render_failed") => ({
    code,
    detail: `about ${code}`,
  });
  const noFace = warningsOf({
    input,
    width: 900,
    height: 900,
    audioSeconds: 4,
    check: { ...check, faults: [fault("no_face")] },
    queueTimeoutMs: 1000,
  });
  expect(noFace).toEqual([{ code: "no_face", message: "about no_face" }]);
  expect(warned({ check: { faults: [fault("audio_undecodable")], audibleSeconds: 0 } })).toEqual([
    "audio_undecodable",
  ]);
  expect(warned({ check: { ...check, faults: [fault("render_failed")] } }), "our own failure").toEqual([
    "not_checked",
  ]);
});

test("a recording in which hardly anything is heard", () => {
  expect(warned({ check: { faults: [], audibleSeconds: 0.79 } })).toEqual(["audio_quiet"]);
  expect(warned({ check: { faults: [], audibleSeconds: 0.81 } })).toEqual([]);
});

test("files that nobody looked at are not called good", () => {
  expect(warned({ check: undefined })).toEqual(["not_checked"]);
});

test("each URL is fetched again", () => {
  const url = "https://example.com/a";
  expect(warned({ input: { ...input, image: url } })).toEqual(["url_fetched_again"]);
  expect(warned({ input: { ...input, image: url, audio: url } })).toHaveLength(2);
});

test("a wait that outlasts the time in the queue", () => {
  expect(warned({ waitSeconds: 3601 })).toEqual(["wait_too_long"]);
});
