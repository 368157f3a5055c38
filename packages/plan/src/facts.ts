/** What the plan is reckoned from, each with where it comes from. */

/** From the best to the worst that is likely. */
export interface Range {
  low: number;
  high: number;
}

export interface Gpu {
  /** As RunPod calls it. */
  name: string;
  /** Of a flexible worker, by the second. */
  dollarsPerSecond: number;
  /** 10^12 operations a second that the model's forwards reach. */
  teraflops: Range;
  source: string;
}

export const GPUS: Readonly<Record<string, Gpu>> = {
  L40S: {
    name: "NVIDIA L40S",
    dollarsPerSecond: 0.00053,
    teraflops: { low: 110, high: 150 },
    source:
      "about what others reach: an A100 129 (44 s a step: MeiGen-AI/MultiTalk issue 23, 2025-06-17), a 4090 of 48 GB " +
      "114 (4 minutes a window: MeiGen-AI/InfiniteTalk issue 71, 2025-09-02). The one report from an L40S is of another " +
      "worker: 40 to 60 s a second of video (wlsdml1114/Infinitetalk_Runpod_hub issue 12, 2026-01-18)",
  },
  H100: {
    name: "NVIDIA H100 80GB HBM3",
    dollarsPerSecond: 0.00116,
    teraflops: { low: 345, high: 540 },
    source:
      "what ModelTC/LightX2V has of plain Wan 2.1: 345 with Diffusers on an H100 (9.77 s a step at 480p: README.md, " +
      "2025-12-01), 537 with its own code on an H200 (974 s at 720p: " +
      "docs/EN/source/getting_started/benchmark_source.md, 2026-08-21)",
  },
};
export const GPU_PRICE_SOURCE =
  "RunPod's documentation of serverless prices, changed on 2026-06-08; the page in its console counts";

export interface Profile {
  steps: number;
  forwards: number;
  /** 10^15 operations of one forward of 81 frames. */
  petaflops: number;
  /** Seconds a window for what is not a forward: decoding, encoding. */
  overheadSeconds: number;
  /** That the model renders; 720p are 0.9. */
  megapixels: number;
}

/** As gpu-worker/README.md has them. */
export const PROFILES: Readonly<Record<string, Profile>> = {
  fast: { steps: 4, forwards: 1, petaflops: 1.89, overheadSeconds: 5, megapixels: 0.4 },
  balanced: { steps: 4, forwards: 2, petaflops: 6.6, overheadSeconds: 12, megapixels: 0.9 },
  quality: { steps: 8, forwards: 2, petaflops: 6.6, overheadSeconds: 12, megapixels: 0.9 },
};

/** Frames that the model makes at once, and how many of a later window are new. */
export const FIRST_WINDOW = 81;
export const LATER_WINDOW = 72;
export const FRAMES_PER_SECOND = 25;

/** What a cold worker reads: 38.1 GB of transformer in bf16, 3.4 GB of the rest. Counted from the shapes of the tensors. */
export const MODEL_GB = 41.5;
export const VOLUME_MB_PER_SECOND: Range = { low: 237, high: 400 };
export const VOLUME_SPEED_SOURCE =
  "RunPod's documentation of 2026-08-20 has 200 to 400 for a network volume; a user measured 237 with dd " +
  "(kohya-ss/musubi-tuner issue 655)";

export const VOLUME_DOLLARS_PER_GB_MONTH = 0.07;
export const VOLUME_PRICE_SOURCE = "RunPod's documentation of 2026-08-20, for volumes below 1 TB";

/** How long a job waits before RunPod wakes a worker for it. */
export const SCALE_UP_SECONDS = 4;
export const SCALE_UP_SOURCE =
  "RunPod's documentation of 2026-08-20: the default of its scaler QUEUE_DELAY, which deploy/runpod/endpoint.json " +
  "sets. That the first worker waits for it, too, is the worse of two readings: packages/fake-runpod wakes that at once";

export interface Offer {
  name: string;
  /** For a second of video made of an image and a recording. */
  dollars720p: number;
  dollars480p?: number;
  page: string;
}

export const MARKET: readonly Offer[] = [
  { name: "HeyGen Avatar IV", dollars720p: 0.05, page: "HeyGen: prices" },
  { name: "WaveSpeed InfiniteTalk", dollars720p: 0.06, dollars480p: 0.03, page: "WaveSpeed: InfiniteTalk" },
  { name: "Wan2.2-S2V at Alibaba", dollars720p: 0.129, dollars480p: 0.072, page: "Alibaba: Wan2.2-S2V" },
  { name: "VEED Fabric at fal", dollars720p: 0.15, dollars480p: 0.08, page: "fal: VEED Fabric 1.0" },
  { name: "OmniHuman 1.5 at fal", dollars720p: 0.16, page: "fal: OmniHuman 1.5" },
];
export const MARKET_SOURCE = "stored copies of the vendors' pages, read in November 2026";
