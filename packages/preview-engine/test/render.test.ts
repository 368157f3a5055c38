import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type PreviewOptions, type PreviewResult, renderPreview } from "../src/preview-engine.ts";
import { hasFfmpegProgram } from "./support/ffmpeg.ts";
import { aFile, aFolder, aShortSpeech, aWav, PORTRAIT, SPEECH_3S } from "./support/fixtures.ts";
import { readMp4 } from "./support/mp4.ts";

async function render(change: Partial<PreviewOptions>): Promise<PreviewResult & { path: string }> {
  const path = join(aFolder(), "out.mp4");
  const inputs = { imagePath: PORTRAIT, audioPath: aShortSpeech(), outputPath: path };
  return { ...(await renderPreview({ ...inputs, ...change })), path };
}

const md5 = (path: string) => createHash("md5").update(readFileSync(path)).digest("hex");

const ENCODERS = ["wasm", "ffmpeg"] as const;

describe.each(ENCODERS)("with the %s encoder", (encoder) => {
  const runs = test.skipIf(encoder === "ffmpeg" && !hasFfmpegProgram);

  runs("3 s of speech become 3 s of H.264 and AAC whose index comes first", async () => {
    const { path, ...result } = await render({ encoder, audioPath: SPEECH_3S, aspect: "16:9" });
    expect(result).toEqual({ width: 1280, height: 720, fps: 25, frames: 75, durationSeconds: 3, encoder });
    const { boxes, tracks } = readMp4(path);
    expect(boxes.filter((type) => type !== "free")).toEqual(["ftyp", "moov", "mdat"]);
    const [video, sound, ...more] = tracks;
    expect(more).toEqual([]);
    expect(video).toMatchObject({ handler: "vide", codec: "avc1", width: 1280, height: 720, samples: 75 });
    expect(sound).toMatchObject({ handler: "soun", codec: "mp4a" });
    const recordingSeconds = (statSync(SPEECH_3S).size - 44) / 32_000;
    for (const track of tracks) {
      expect(track.seconds).toBeGreaterThanOrEqual(recordingSeconds);
      expect(track.seconds).toBeLessThan(recordingSeconds + 0.04);
    }
  });

  runs("the same seed gives the same bytes and another seed other bytes", async () => {
    const audioPath = aShortSpeech();
    const first = md5((await render({ encoder, audioPath, seed: 7 })).path);
    expect(md5((await render({ encoder, audioPath, seed: 7 })).path)).toBe(first);
    expect(md5((await render({ encoder, audioPath, seed: 8 })).path)).not.toBe(first);
  });
});

test.each([
  ["9:16", "crop", 720, 1280],
  ["1:1", "crop", 960, 960],
  ["auto", "pad", 960, 960],
  ["16:9", "pad", 1280, 720],
] as const)("aspect %s with fit %s is exactly %ix%i", async (aspect, fit, width, height) => {
  const { path, ...result } = await render({ aspect, fit, audioPath: aShortSpeech(0.3) });
  expect(result).toMatchObject({ width, height });
  expect(readMp4(path).tracks[0]).toMatchObject({ width, height });
});

test("the file says in machine-readable form that it is AI-generated", async () => {
  const comment = readMp4((await render({ audioPath: aShortSpeech(0.3) })).path).comment;
  expect(JSON.parse(comment ?? "")).toMatchObject({
    aiGenerated: true,
    digitalSourceType: "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia",
  });
});

test("progress rises from 0 to 1", async () => {
  const fractions: number[] = [];
  await render({ onProgress: (fraction) => fractions.push(fraction) });
  expect(fractions[0]).toBe(0);
  expect(fractions.at(-1)).toBe(1);
  expect(fractions).toEqual(fractions.toSorted((a, b) => a - b));
});

test.each([
  [0.28, 7],
  [0.281, 8],
  [2, 15], // the recording has no more
])("a recording that ends after %s s gets %i frames", async (audioSeconds, frames) => {
  const { path, ...result } = await render({ audioSeconds, audioPath: aShortSpeech(0.6) });
  expect(result).toMatchObject({ frames, durationSeconds: frames / 25 });
  for (const track of readMp4(path).tracks) expect(track.seconds).toBeCloseTo(frames / 25, 2);
});

test("a silent recording gives a video of the still face", async () => {
  const { frames } = await render({ audioPath: aFile("silence.wav", aWav(new Int16Array(8000))) });
  expect(frames).toBe(13);
});
