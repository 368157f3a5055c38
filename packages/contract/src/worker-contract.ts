import { z } from "zod";
import { WORKER_ERRORS, WorkerError, WorkerInput, WorkerOutput, WorkerProgress } from "./worker.ts";

const sha256 = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
const link = (path: string) => `https://store.example/avatar/${path}?X-Amz-Signature=0`;

const generate = {
  v: 1,
  op: "generate",
  runId: "run_1",
  image: { url: link("uploads/1"), sha256, bytes: 100_000 },
  audio: { url: link("uploads/2"), sha256, bytes: 200_000 },
  aspect: "auto",
  fit: "crop",
  seed: 7,
  audioSeconds: 4.2,
  deadlineSeconds: 900,
  claim: {
    put: {
      url: link("claims/job_1/run_1"),
      headers: { "If-None-Match": "*", "Content-Type": "application/json" },
    },
    get: { url: link("claims/job_1/run_1") },
  },
  video: { url: link("videos/job_1/run_1.mp4"), headers: { "Content-Type": "video/mp4" } },
};
const progress = { v: 1, phase: "render", fraction: 0.5, window: 2, windows: 4, cold: false };
const gpu = { name: "NVIDIA L40S", memoryMb: 46_068, peakMb: 40_000 };
const generated = {
  v: 1,
  op: "generate",
  runId: "run_1",
  video: {
    bytes: 1_000_000,
    sha256,
    width: 1280,
    height: 720,
    nativeWidth: 1280,
    nativeHeight: 704,
    frames: 105,
    durationSeconds: 4.2,
  },
  engine: "infinitetalk",
  profile: "balanced",
  steps: 4,
  windows: 2,
  cold: true,
  seconds: { ready: 50, fetch: 0.5, render: 60, upload: 0.5, total: 111 },
  gpu,
};
const info = {
  v: 1,
  op: "info",
  worker: "0.1.0",
  engine: "stub",
  profile: "fast",
  state: "ready",
  maxSeconds: 600,
};
const error = { v: 1, code: "audio_too_long", detail: "The recording is too long.", retryable: false };

const { gpu: _, ...generatedWithoutGpu } = generated;
const { window: _window, windows: _windows, ...progressWithoutWindow } = progress;

/** Messages of each kind that both sides must take, and such that both must refuse. */
const EXAMPLES = {
  input: {
    valid: [
      generate,
      { ...generate, prompt: "A person talks and nods." },
      { ...generate, requestId: "req_1" },
      { ...generate, audio: { url: generate.audio.url, bytes: 200_000 } },
      { v: 1, op: "prepare" },
      { v: 1, op: "info" },
    ],
    invalid: [
      {},
      null,
      "generate",
      { v: 2, op: "info" },
      { v: 1, op: "sing" },
      { v: 1, op: "info", extra: 1 },
      { ...generate, claim: undefined },
      { ...generate, runId: "../run" },
      { ...generate, requestId: "req\n1" },
      { ...generate, seed: -1 },
      { ...generate, seed: 1.5 },
      { ...generate, seed: "7" },
      { ...generate, seed: true },
      { ...generate, aspect: "4:3" },
      { ...generate, prompt: "" },
      { ...generate, deadlineSeconds: 0 },
      { ...generate, image: { ...generate.image, sha256: "0" } },
      { ...generate, image: { ...generate.image, url: "file:///etc/passwd" } },
      { ...generate, image: { ...generate.image, bytes: 0 } },
      { ...generate, video: { ...generate.video, headers: { "a b": "c" } } },
      { ...generate, video: { ...generate.video, headers: { a: 1 } } },
      { ...generate, steps: 40 },
    ],
  },
  progress: {
    valid: [progress, progressWithoutWindow],
    invalid: [
      { ...progress, fraction: 1.1 },
      { ...progress, phase: "think" },
      { ...progress, path: "a" },
    ],
  },
  output: {
    valid: [
      generated,
      generatedWithoutGpu,
      info,
      { ...info, gpu },
      { v: 1, op: "prepare", ready: true, bytes: 0, seconds: 1 },
    ],
    invalid: [
      { ...generated, video: undefined },
      { ...generated, steps: 1.5 },
      { ...info, state: "fine" },
    ],
  },
  error: {
    valid: [error],
    invalid: [
      { ...error, code: "oops" },
      { ...error, trace: "Traceback" },
      { ...error, retryable: "no" },
    ],
  },
};

const SCHEMAS = { input: WorkerInput, progress: WorkerProgress, output: WorkerOutput, error: WorkerError };

/** The files of `gpu-worker/tests/contract`, by name. */
export function workerContract(): Record<string, unknown> {
  const files: Record<string, unknown> = { "errors.json": WORKER_ERRORS };
  for (const kind of ["input", "progress", "output", "error"] as const) {
    files[`${kind}.schema.json`] = z.toJSONSchema(SCHEMAS[kind], { io: "input", target: "draft-2020-12" });
    files[`${kind}.examples.json`] = EXAMPLES[kind];
  }
  return files;
}
