import { beforeEach, expect, test } from "vitest";
import type { RunUsage } from "../engine.ts";
import { createRunMeter } from "./run-meter.ts";
import type { RunPodJob } from "./runpod-client.ts";

let seconds: number;
let usage: RunUsage | undefined;
beforeEach(() => {
  seconds = 0;
  usage = undefined;
});
const at = (time: number) => new Date(time * 1000);
const PRICES: Record<string, number> = { "NVIDIA L40S": 0.5, "NVIDIA H100 80GB HBM3": 2 };
const start = (begunAt: Date | null = null) =>
  createRunMeter(
    (gpu) => PRICES[gpu ?? "NVIDIA L40S"] ?? 0,
    (used) => {
      usage = used;
    },
    () => at(seconds),
    { resumed: { externalId: "1", begunAt }, timeoutMs: 100_000 },
  );
const job = (status: RunPodJob["status"], more: Partial<RunPodJob> = {}): RunPodJob => ({
  id: "1",
  status,
  ...more,
});
const output = {
  v: 1,
  op: "generate",
  runId: "run_1",
  video: {
    bytes: 1,
    sha256: "0".repeat(64),
    width: 1280,
    height: 720,
    nativeWidth: 832,
    nativeHeight: 480,
    frames: 25,
    durationSeconds: 1,
  },
  engine: "infinitetalk",
  profile: "fast",
  steps: 4,
  windows: 1,
  cold: false,
  seconds: { ready: 0, fetch: 0, render: 0, upload: 0, total: 0 },
  gpu: { name: "NVIDIA H100 80GB HBM3", memoryMb: 1, peakMb: 1 },
};

test("what RunPod tells is billed, in whole seconds, at the price of the GPU", () => {
  const meter = start();
  meter.see(job("COMPLETED", { executionTime: 2001, output }));
  meter.stop();
  expect(usage).toEqual({ billedSeconds: 3, pricePerSecond: 2 });
});

test("a run that no worker had costs nothing", () => {
  const meter = start();
  meter.see(job("IN_QUEUE"));
  seconds = 100;
  meter.see(job("CANCELLED"));
  meter.stop();
  expect(usage).toBeUndefined();
});

test("where RunPod does not tell, the time that a worker was seen at work counts", () => {
  const meter = start();
  meter.see(job("IN_PROGRESS"));
  seconds = 10;
  meter.see(job("IN_PROGRESS", { executionTime: 1 }));
  seconds = 12.5;
  meter.stop();
  expect(usage).toEqual({ billedSeconds: 13, pricePerSecond: 0.5 });
});

test("a worker that died is paid as well, the wait for the next one is not", () => {
  const meter = start();
  meter.see(job("IN_PROGRESS"));
  seconds = 60;
  meter.see(job("IN_PROGRESS"));
  seconds = 63;
  meter.see(job("IN_QUEUE"));
  seconds = 600;
  meter.see(job("IN_PROGRESS"));
  seconds = 601;
  meter.see(job("FAILED", { executionTime: 900 }));
  meter.stop();
  expect(usage?.billedSeconds).toBe(60);
});

test("a run that another process saw begin is counted from then on", () => {
  const meter = start(at(0));
  seconds = 40;
  meter.see(job("IN_PROGRESS"));
  seconds = 45;
  meter.stop();
  expect(usage?.billedSeconds).toBe(45);
});

test("of the time in which nobody looked, no more counts than a run may take", () => {
  const meter = start(at(0));
  seconds = 4000;
  meter.see(job("IN_PROGRESS"));
  seconds = 4005;
  meter.stop();
  expect(usage?.billedSeconds).toBe(105);
});
