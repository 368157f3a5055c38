import { z } from "zod";
import { Aspect, Fit, Prompt, Seed, Sha256 } from "./schemas.ts";

/**
 * What the API and the GPU worker say to each other: the input of a RunPod job, its progress, its output and its error.
 * `gpu-worker/tests/contract` has the same as JSON Schemas and examples; `pnpm contract` writes them.
 */
export const WIRE_VERSION = 1;

const base = { v: z.literal(WIRE_VERSION) };
const Link = z.url({ protocol: /^https?$/ }).max(8192);
const HeaderName = z.string().regex(/^[A-Za-z0-9-]{1,64}$/);
const Headers = z.record(HeaderName, z.string().max(1024));
/** Ours: of a run, of a request. */
const Id = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/);

const SignedGet = z.strictObject({
  url: Link.describe("Signed link to read from; on a host that the worker allows"),
  sha256: Sha256.optional().describe("Where the customer gave it"),
  bytes: z.int().positive(),
});
const SignedPut = z.strictObject({
  url: Link.describe("Signed link to write to"),
  headers: Headers.describe("Headers that the signature covers"),
});

const GenerateInput = z
  .strictObject({
    ...base,
    op: z.literal("generate"),
    runId: Id,
    requestId: Id.optional().describe("Of the request that made the job, for the log"),
    image: SignedGet,
    audio: SignedGet,
    aspect: Aspect,
    fit: Fit,
    prompt: Prompt.optional(),
    seed: Seed,
    audioSeconds: z.number().positive().describe("As the API measured it; the worker measures again"),
    deadlineSeconds: z.number().positive().describe("The run ends itself this long after it began"),
    claim: z
      .strictObject({
        put: SignedPut.describe("Takes one object only: its headers have If-None-Match: *"),
        get: z.strictObject({ url: Link }),
      })
      .describe("Whoever writes this object first has the run"),
    video: SignedPut,
  })
  .meta({ id: "GenerateInput" });

const PrepareInput = z.strictObject({ ...base, op: z.literal("prepare") }).meta({ id: "PrepareInput" });
const InfoInput = z.strictObject({ ...base, op: z.literal("info") }).meta({ id: "InfoInput" });

export const WorkerInput = z
  .discriminatedUnion("op", [GenerateInput, PrepareInput, InfoInput])
  .meta({ id: "WorkerInput" });

/** In the order in which a run goes through them; a warm worker has no `download` and no `load`. */
export const WORKER_PHASES = ["download", "prepare", "load", "fetch", "render", "upload"] as const;

export const WorkerProgress = z
  .strictObject({
    ...base,
    phase: z.enum(WORKER_PHASES),
    fraction: z.number().min(0).max(1).describe("Of the whole run; never falls"),
    window: z.int().positive().optional().describe("Which stretch of the video is rendered, from 1"),
    windows: z.int().positive().optional(),
    cold: z.boolean().describe("The models were not loaded when the run came"),
  })
  .meta({ id: "WorkerProgress" });

const Gpu = z
  .strictObject({ name: z.string(), memoryMb: z.int().positive(), peakMb: z.int().min(0) })
  .describe("Absent on a machine without one");

const GenerateOutput = z
  .strictObject({
    ...base,
    op: z.literal("generate"),
    runId: Id,
    video: z.strictObject({
      bytes: z.int().positive(),
      sha256: Sha256,
      width: z.int().positive(),
      height: z.int().positive(),
      nativeWidth: z.int().positive().describe("What the model rendered, before scaling"),
      nativeHeight: z.int().positive(),
      frames: z.int().positive(),
      durationSeconds: z.number().positive(),
    }),
    engine: z.string(),
    profile: z.string(),
    steps: z.int().min(0),
    windows: z.int().positive(),
    cold: z.boolean(),
    seconds: z
      .record(z.enum(["ready", "fetch", "render", "upload", "total"]), z.number().min(0))
      .describe("How long each phase took"),
    gpu: Gpu.optional(),
  })
  .meta({ id: "GenerateOutput" });

const PrepareOutput = z
  .strictObject({
    ...base,
    op: z.literal("prepare"),
    ready: z.literal(true),
    bytes: z.int().min(0).describe("That a start reads"),
    seconds: z.number().min(0),
  })
  .meta({ id: "PrepareOutput" });

const InfoOutput = z
  .strictObject({
    ...base,
    op: z.literal("info"),
    worker: z.string().describe("Version of the worker"),
    engine: z.string(),
    profile: z.string(),
    state: z.enum(["cold", "loading", "ready", "broken"]).describe("Of the models"),
    maxSeconds: z.number().positive().describe("Of a recording"),
    gpu: Gpu.optional(),
  })
  .meta({ id: "InfoOutput" });

export const WorkerOutput = z
  .discriminatedUnion("op", [GenerateOutput, PrepareOutput, InfoOutput])
  .meta({ id: "WorkerOutput" });

interface WorkerErrorRow {
  /** A new run, with fresh links, may succeed. */
  retryable: boolean;
  /** The worker must be replaced: its GPU or its memory cannot be trusted any more. */
  refresh: boolean;
  meaning: string;
}

/** Everything that a run can end with instead of a video. RunPod carries an error as a string: this one is JSON. */
export const WORKER_ERRORS = {
  invalid_input: { retryable: false, refresh: false, meaning: "The message is not one of this contract" },
  run_already_claimed: { retryable: false, refresh: false, meaning: "Another worker has this run" },
  claim_failed: { retryable: true, refresh: false, meaning: "The claim could be neither written nor read" },
  url_not_allowed: {
    retryable: false,
    refresh: false,
    meaning: "A link leads to a host that is not allowed",
  },
  fetch_failed: { retryable: true, refresh: false, meaning: "An input could not be read" },
  input_link_expired: {
    retryable: true,
    refresh: false,
    meaning: "The link of an input is not valid any more",
  },
  sha256_mismatch: { retryable: true, refresh: false, meaning: "An input is not the file that was promised" },
  unsupported_image: { retryable: false, refresh: false, meaning: "The image cannot be used" },
  image_too_large: { retryable: false, refresh: false, meaning: "The image has too many bytes or pixels" },
  unsupported_audio: { retryable: false, refresh: false, meaning: "The recording cannot be used" },
  audio_too_short: { retryable: false, refresh: false, meaning: "The recording is too short" },
  audio_too_long: { retryable: false, refresh: false, meaning: "The recording is longer than configured" },
  models_unavailable: { retryable: true, refresh: false, meaning: "The models could not be made ready" },
  models_invalid: {
    retryable: false,
    refresh: false,
    meaning: "The manifest of the models lacks a revision or a hash",
  },
  model_load_failed: { retryable: true, refresh: true, meaning: "The models are there but do not load" },
  disk_full: { retryable: true, refresh: true, meaning: "The disk of the worker is full" },
  gpu_out_of_memory: { retryable: true, refresh: true, meaning: "The GPU has too little memory for the run" },
  gpu_failed: { retryable: true, refresh: true, meaning: "The GPU or its driver failed" },
  render_failed: { retryable: true, refresh: false, meaning: "Rendering or encoding failed" },
  deadline_exceeded: { retryable: false, refresh: false, meaning: "The run took longer than its deadline" },
  upload_failed: { retryable: true, refresh: false, meaning: "The video could not be stored" },
  video_link_expired: {
    retryable: true,
    refresh: false,
    meaning: "The link for the video is not valid any more",
  },
  stopped: { retryable: true, refresh: false, meaning: "The worker is being shut down" },
  internal: { retryable: true, refresh: false, meaning: "A fault of the worker itself" },
} as const satisfies Record<string, WorkerErrorRow>;

export type WorkerErrorCode = keyof typeof WORKER_ERRORS;

export const WorkerError = z
  .strictObject({
    ...base,
    code: z.enum(Object.keys(WORKER_ERRORS) as [WorkerErrorCode, ...WorkerErrorCode[]]),
    detail: z.string().max(500).describe("What happened, in a sentence; no path, link or trace"),
    retryable: z.boolean(),
  })
  .meta({ id: "WorkerError" });
