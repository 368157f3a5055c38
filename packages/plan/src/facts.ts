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

/** Prices: RunPod's documentation of serverless prices, as changed on 2026-06-08. The page in its console counts. */
export const PRICE_SOURCE = "RunPod's documentation, 2026-06-08";

export const GPUS: Readonly<Record<string, Gpu>> = {
  L40S: {
    name: "NVIDIA L40S",
    dollarsPerSecond: 0.00053,
    teraflops: { low: 110, high: 150 },
    source:
      "after published timings of the 4090 and A100 with FlashAttention 2 in bf16; nobody has measured an L40S",
  },
  H100: {
    name: "NVIDIA H100 80GB HBM3",
    dollarsPerSecond: 0.00116,
    teraflops: { low: 345, high: 540 },
    source: "after published timings: Diffusers on an H100 (345), Wan 2.1 itself on an H200 (537)",
  },
};

export interface Profile {
  steps: number;
  forwards: number;
  /** 10^15 operations of one forward of 81 frames, counted from the shapes of the model's layers. */
  petaflops: number;
  /** Seconds a window for what is not a forward: decoding, encoding. An assumption. */
  overheadSeconds: number;
}

/** As gpu-worker/README.md has them. */
export const PROFILES: Readonly<Record<string, Profile>> = {
  fast: { steps: 4, forwards: 1, petaflops: 1.89, overheadSeconds: 5 },
  balanced: { steps: 4, forwards: 2, petaflops: 6.6, overheadSeconds: 12 },
  quality: { steps: 8, forwards: 2, petaflops: 6.6, overheadSeconds: 12 },
};

/** Frames that the model makes at once, and how many of a later window are new. */
export const FIRST_WINDOW = 81;
export const LATER_WINDOW = 72;
export const FRAMES_PER_SECOND = 25;

/** What a cold worker reads: 38.1 GB of transformer in bf16, 3.4 GB of the rest. Counted from the shapes of the tensors. */
export const MODEL_GB = 41.5;
/** RunPod's documentation has 200 to 400 MB/s for a network volume; one user measured 237 with `dd`. */
export const VOLUME_MB_PER_SECOND: Range = { low: 237, high: 400 };
/** RunPod's price of a network volume below 1 TB. */
export const VOLUME_DOLLARS_PER_GB_MONTH = 0.07;
/** How long a job waits before RunPod wakes a worker for it: the default of its scaler. */
export const SCALE_UP_SECONDS = 4;

/** Dollars for a second of 720p video made of an image and a recording, as pages of November 2026 had them. */
export const MARKET: readonly (readonly [name: string, dollars: number])[] = [
  ["HeyGen Avatar IV", 0.05],
  ["WaveSpeed InfiniteTalk", 0.06],
  ["Wan2.2-S2V at Alibaba", 0.129],
  ["VEED Fabric at fal", 0.15],
  ["OmniHuman 1.5 at fal", 0.16],
];
