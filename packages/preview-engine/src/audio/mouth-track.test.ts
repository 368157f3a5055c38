import { describe, expect, test } from "vitest";
import { speechSamples, tone } from "../../test/support/fixtures.ts";
import { planMouth } from "./mouth-track.ts";
import { createSpeechAnalyser } from "./speech-analyser.ts";

function mouthFor(...pieces: Int16Array[]) {
  const analyser = createSpeechAnalyser();
  for (const piece of pieces) analyser.push(piece);
  return planMouth(analyser.finish().frames);
}

const silence = new Int16Array(16_000);

describe("the mouth", () => {
  test("stays closed through silence", () => {
    expect(mouthFor(silence).every(({ open, speaking }) => open === 0 && speaking === 0)).toBe(true);
  });

  test("opens for a vowel between silences and closes after it", () => {
    const poses = mouthFor(silence, tone(800, 1), silence);
    expect(poses[35]?.open).toBeGreaterThan(0.5);
    expect(poses[10]?.open).toBeLessThan(0.05);
    expect(poses[65]?.open).toBeLessThan(0.05);
  });

  test("opens wider for an open vowel than for a hiss of the same loudness", () => {
    const vowel = mouthFor(silence, tone(800, 1), silence)[35]?.open ?? 0;
    const hiss = mouthFor(silence, tone(5000, 1), silence)[35]?.open ?? 0;
    expect(vowel).toBeGreaterThan(2 * hiss);
  });

  test("moves the same for a recording at a tenth of the level", () => {
    const loud = mouthFor(speechSamples(2));
    const quiet = mouthFor(speechSamples(2).map((sample) => Math.round(sample / 10)));
    loud.forEach((pose, i) => {
      expect(Math.abs(pose.open - (quiet[i]?.open ?? 1))).toBeLessThan(0.08);
    });
  });

  test("keeps every value between 0 and 1", () => {
    for (const pose of mouthFor(speechSamples(2.9))) {
      for (const value of Object.values(pose)) {
        expect(value).toBeGreaterThanOrEqual(0);
        expect(value).toBeLessThanOrEqual(1);
      }
    }
  });
});
