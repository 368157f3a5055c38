import { join } from "node:path";
import { expect, test } from "vitest";
import { detectFaces } from "../src/face/detect-faces.ts";
import { fitFaceMesh, landmarkAt, refineFaceMesh } from "../src/face/face-mesh.ts";
import { INNER_LOWER_LIP, INNER_UPPER_LIP } from "../src/face/landmark-indices.ts";
import { renderPreview } from "../src/preview-engine.ts";
import { decodeFrames, decodeSound, hasFfmpegProgram } from "./support/ffmpeg.ts";
import { aFolder, PORTRAIT, SPEECH_3S, SPEECH_7S } from "./support/fixtures.ts";

const SAMPLES_PER_FRAME = 640;

/** Finds the face anew in every decoded frame and measures the opening between its lips. */
function lipGaps(frames: readonly Uint8Array[], size: number): number[] {
  const images = frames.map((data) => ({ width: size, height: size, data }));
  const [first] = images;
  const face = first && detectFaces(first, { left: 0, top: 0, width: size, height: size }, 0.5)[0];
  if (!face) throw new Error("The video shows no face");
  let mesh = fitFaceMesh(first, face);
  return images.map((image) => {
    mesh = refineFaceMesh(image, mesh);
    const [upper, lower] = [INNER_UPPER_LIP, INNER_LOWER_LIP].map((index) =>
      landmarkAt(mesh.landmarks, index),
    );
    return (lower?.y ?? 0) - (upper?.y ?? 0);
  });
}

function decibelsPerFrame(samples: Int16Array, frameCount: number): number[] {
  return Array.from({ length: frameCount }, (_, i) => {
    const frame = samples.subarray(i * SAMPLES_PER_FRAME, (i + 1) * SAMPLES_PER_FRAME);
    const energy = frame.reduce((sum, sample) => sum + (sample / 32768) ** 2, 0) / SAMPLES_PER_FRAME;
    return Math.max(-50, 10 * Math.log10(energy + 1e-9));
  });
}

function correlation(a: readonly number[], b: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [meanA, meanB] = [mean(a), mean(b)];
  const covariance = mean(a.map((value, i) => (value - meanA) * ((b[i] ?? 0) - meanB)));
  return covariance / Math.sqrt(mean(a.map((v) => (v - meanA) ** 2)) * mean(b.map((v) => (v - meanB) ** 2)));
}

/** The best correlation of mouth and sound, and by how many frames the mouth comes late (negative: early). */
async function measureSync(audioPath: string, encoder: "wasm" | "ffmpeg") {
  const outputPath = join(aFolder(), "video.mp4");
  const { frames } = await renderPreview({
    imagePath: PORTRAIT,
    audioPath,
    outputPath,
    encoder,
    aspect: "1:1",
  });
  // Half the size is enough for the face network, and keeps 7 s of raw frames small.
  const gaps = lipGaps(await decodeFrames(outputPath, 480, 480), 480);
  const loudness = decibelsPerFrame(await decodeSound(outputPath), frames);
  const lags = Array.from({ length: 13 }, (_, i) => i - 6);
  const correlations = lags.map((lag) => ({
    lag,
    value: correlation(gaps.slice(6 + lag, gaps.length - 6 + lag), loudness.slice(6, -6)),
  }));
  return correlations.reduce((best, candidate) => (candidate.value > best.value ? candidate : best));
}

/** Seven seconds where the fast encoder is installed, else three with the slow one. */
const [recording, encoder] = hasFfmpegProgram
  ? ([SPEECH_7S, "ffmpeg"] as const)
  : ([SPEECH_3S, "wasm"] as const);

test("the mouth found anew in the decoded video follows the sound within two frames", async () => {
  const { lag, value } = await measureSync(recording, encoder);
  expect(value).toBeGreaterThanOrEqual(0.4);
  expect(Math.abs(lag)).toBeLessThanOrEqual(2);
});
