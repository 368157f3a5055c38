import { expect, test } from "vitest";
import { speechSamples, tone } from "../../test/support/fixtures.ts";
import { createSpeechAnalyser } from "./speech-analyser.ts";

function analyse(...pieces: Int16Array[]) {
  const analyser = createSpeechAnalyser();
  for (const piece of pieces) analyser.push(piece);
  return analyser.finish();
}

test("the size of the pieces does not change the result", () => {
  const samples = speechSamples(1);
  const whole = analyse(samples);
  for (const size of [1, 7, 640, 4095]) {
    const pieces = Array.from({ length: Math.ceil(samples.length / size) }, (_, i) =>
      samples.subarray(i * size, (i + 1) * size),
    );
    expect(analyse(...pieces)).toEqual(whole);
  }
});

test.each([
  [0, 0],
  [1, 1],
  [640, 1],
  [641, 2],
  [16_000, 25],
  [16_001, 26],
])("%i samples are covered by %i frames, so that none is cut", (sampleCount, frameCount) => {
  const { frames } = analyse(new Int16Array(sampleCount));
  expect(frames).toHaveLength(frameCount);
});

test("loudness is that of the frame, in decibels of full scale", () => {
  const { frames } = analyse(tone(500, 1, 0.5), new Int16Array(16_000));
  expect(frames[10]?.decibels).toBeCloseTo(20 * Math.log10(0.5 / Math.SQRT2), 1);
  expect(frames[40]?.decibels).toBeLessThan(-85);
});

test.each([
  ["closedVowel", 350],
  ["openVowel", 800],
  ["back", 1300],
  ["front", 2400],
  ["hiss", 5000],
] as const)("the band %s takes a tone of %i Hz", (band, hz) => {
  const frame = analyse(tone(hz, 0.4)).frames[4];
  if (!frame) throw new Error("There is no frame");
  expect(frame[band] / frame.total).toBeGreaterThan(0.95);
});
