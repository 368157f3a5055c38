/**
 * What customers send and get, as plain documented types. `@avatar/client` publishes these, so they import
 * nothing that a customer would have to install. `types-match-schemas.ts` proves them equal to the schemas.
 */
import type { ErrorCode } from "./errors.ts";
import type { JobErrorCode } from "./job-errors.ts";
import type { KeyLimits } from "./key-types.ts";
import type { InputLimits, MediaType } from "./limits.ts";
import type { WarningCode } from "./warnings.ts";

/** Shape of the video. `auto` follows the image: wide, upright or square. */
export type Aspect = "auto" | "16:9" | "9:16" | "1:1";

/** `crop` cuts the image to the aspect around the face; `pad` keeps all of it and fills the rest. */
export type Fit = "crop" | "pad";

export type JobStatus = "queued" | "starting" | "running" | "succeeded" | "failed" | "canceled" | "expired";

/** Settings of a job, the same whether the files come as uploads or in a form. */
export interface JobSettings {
  /** Default `auto`. */
  aspect?: Aspect | undefined;
  /** Default `crop`. */
  fit?: Fit | undefined;
  /** What the person does while speaking, in a sentence. Engines may ignore it. */
  prompt?: string | undefined;
  /** 0 to 4294967295. The same files, settings and seed give the same video. Chosen at random if left out. */
  seed?: number | undefined;
  /** Your own labels, returned with the job. */
  metadata?: Record<string, string> | undefined;
  /** Keep the video for less than the usual time, six hours unless the operator set another. */
  ttlSeconds?: number | undefined;
  /** What shall come of the job, to try how your program takes it. For test keys only. */
  test?: TestOutcome | undefined;
}

/** A scripted outcome, for test keys. All may be combined. */
export interface TestOutcome {
  /** Fails with this code once it has rendered. */
  failWith?: JobErrorCode | undefined;
  /** Waits in the queue for so long: 0 to 600. */
  queueSeconds?: number | undefined;
  /** Renders for so long at least: 0 to 600. */
  renderSeconds?: number | undefined;
}

export interface CreateJobInput extends JobSettings {
  /** The portrait: the id of an upload, or an https URL. */
  image: string;
  /** The speech: the id of an upload, or an https URL. */
  audio: string;
}

interface JobBase {
  id: string;
  /** Counts up with every change. */
  version: number;
  createdAt: string;
  updatedAt: string;
  aspect: Aspect;
  fit: Fit;
  prompt?: string | undefined;
  seed: number;
  metadata: Record<string, string>;
  /** How long the video is kept once it is there. */
  ttlSeconds: number;
  /** Length of the recording. */
  audioSeconds: number;
  timings: JobTimings;
  cost: JobCost;
}

/** Seconds that each stage took; only of stages that are over. */
export interface JobTimings {
  /** Until its last run was begun. */
  queue?: number | undefined;
  /** Until that run began to render; left out where that went unseen. */
  start?: number | undefined;
  /** The render; the start as well where it went unseen. */
  run?: number | undefined;
  /** From the request to the end. */
  total?: number | undefined;
}

/** What its runs have cost so far, in what the operator pays. */
export interface JobCost {
  /** Whole seconds that were billed. */
  gpuSeconds: number;
  usd: number;
}

interface UnfinishedJob extends JobBase {
  /** An estimate of how long it still takes, after the latest jobs; told by `status` and `list` once there are any. */
  etaSeconds?: number | undefined;
}

/** Waits for a free worker. */
export interface QueuedJob extends UnfinishedJob {
  status: "queued";
  /** 1: it is next. Told by `status` and `list`. Owners take turns, so it may move back, too. */
  position?: number | undefined;
}

/** A worker has the job and is waking or loading. */
export interface StartingJob extends UnfinishedJob {
  status: "starting";
  /** The worker starts from zero, which takes longer. */
  cold: boolean;
}

export interface RunningJob extends UnfinishedJob {
  status: "running";
  /** 0 to 1. */
  progress: number;
}

export interface SucceededJob extends JobBase {
  status: "succeeded";
  finishedAt: string;
  video: Video;
}

export interface FailedJob extends JobBase {
  status: "failed";
  finishedAt: string;
  error: JobError;
}

export interface CanceledJob extends JobBase {
  status: "canceled";
  finishedAt: string;
}

/** Succeeded, and the video has been deleted since. */
export interface ExpiredJob extends JobBase {
  status: "expired";
  finishedAt: string;
}

/** A job in one of its states; `status` tells which. */
export type Job = QueuedJob | StartingJob | RunningJob | SucceededJob | FailedJob | CanceledJob | ExpiredJob;

/** Facts of a finished video. */
export interface Video {
  contentType: "video/mp4";
  bytes: number;
  /** SHA-256 of the file, in hex. */
  sha256: string;
  width: number;
  height: number;
  durationSeconds: number;
  /** When the video is deleted. */
  expiresAt: string;
}

/** Why a job failed. */
export interface JobError {
  code: ErrorCode;
  /** What happened, in a sentence. */
  detail: string;
  /** What to do about it. */
  hint: string;
  /** Path of the page about this code, on the API's host. */
  docs: string;
  retryable: boolean;
}

/** What a job would take, cost and wait, told before it is made. */
export interface JobEstimate {
  /** Length of the recording, and of the video. */
  audioSeconds: number;
  /** What it may cost, after the latest jobs, in what the operator pays. So much of a budget would be kept for it. */
  cost: JobCost;
  /** Where it would stand in the queue; left out where thousands are before it. */
  position?: number | undefined;
  /** How long it may take from now on, after the latest jobs; left out until there are any. */
  etaSeconds?: number | undefined;
  /** Nothing runs, so a worker would have to start from zero, which takes longer. */
  cold: boolean;
  warnings: EstimateWarning[];
  /** The limit or budget that would refuse the job now. */
  refusal?: ForeseenRefusal | undefined;
}

/** What may go wrong, though the job would be taken. */
export interface EstimateWarning {
  code: WarningCode;
  message: string;
}

export interface ForeseenRefusal {
  code: ErrorCode;
  detail: string;
  limit?: LimitReached | undefined;
}

/** A finished video with a link to it. */
export interface JobResult {
  jobId: string;
  /** Signed link, new on every call, dead at `urlExpiresAt`. */
  url: string;
  urlExpiresAt: string;
  video: Video;
}

export interface GetJobInput {
  id: string;
  /** Hold the answer for up to this many seconds (0 to 30) until the job changes. */
  wait?: number | undefined;
  /** With `wait`: answer as soon as `version` is greater than this. Default: the version at the call. */
  after?: number | undefined;
}

export interface WatchJobInput {
  id: string;
  /** Leave out what you know: begin with the first version that is greater than this. */
  after?: number | undefined;
  /** Set by clients that connect again, in place of `after`. */
  lastEventId?: string | undefined;
}

export interface JobIdInput {
  id: string;
}

export interface ListJobsInput {
  status?: JobStatus | undefined;
  /** 1 to 100, default 20. */
  limit?: number | undefined;
  /** `nextCursor` of the page before. */
  cursor?: string | undefined;
}

/** Newest first. */
export interface JobPage {
  items: Job[];
  /** Left out on the last page. */
  nextCursor?: string | undefined;
}

export interface CreateUploadInput {
  contentType: MediaType;
  /** Size of the file. */
  bytes: number;
  /** SHA-256 of the file in hex; where given, other bytes are refused. */
  sha256?: string | undefined;
  /** Give a link for each part, which is good for large files. */
  inParts?: boolean | undefined;
}

/** Takes exactly the declared size, once. */
export interface SignedLink {
  url: string;
  /** Headers that the PUT must carry. */
  headers: Record<string, string>;
}

interface UploadBase {
  id: string;
  method: "PUT";
  /** After this time the file is deleted once no unfinished job needs it. */
  expiresAt: string;
}

/** Where to PUT a file, and the id to use it by. */
export interface SingleUpload extends UploadBase, SignedLink {}

/** Where to PUT each part of a file, and the id to use it by once all are there. */
export interface PartedUpload extends UploadBase {
  /** In the order of the file. They may be sent at once and in any order. */
  parts: (SignedLink & { bytes: number })[];
}

export type Upload = SingleUpload | PartedUpload;

/** What the engine of your jobs takes, and how long things are kept. */
export interface Limits {
  /** Where your jobs run. */
  engine: string;
  image: InputLimits["image"] & { contentTypes: string[] };
  audio: InputLimits["audio"] & { contentTypes: string[] };
  /** `maxTtlSeconds` is how long a video is kept unless its job asks for less. */
  video: { minTtlSeconds: number; maxTtlSeconds: number };
  upload: { ttlSeconds: number; partBytes: number };
  prompt: { maxLength: number };
  metadata: { maxKeys: number; maxKeyLength: number; maxValueLength: number };
  wait: { maxSeconds: number };
  idempotency: { maxKeyLength: number; seconds: number };
}

/** One thing wrong with a request. */
export interface Issue {
  /** For example `metadata.name`; empty for the request as a whole. */
  path: string;
  message: string;
}

/** The body of every error answer (RFC 9457, `application/problem+json`). */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  /** What happened, in a sentence. */
  detail: string;
  /** What to do about it. */
  hint: string;
  /** Path of the page about this code, on the API's host. */
  docs: string;
  /** Quote it when you report a problem. */
  requestId: string;
  issues?: Issue[] | undefined;
  retryAfterMs?: number | undefined;
  /** Of a request that a limit or a budget refused. */
  limit?: LimitReached | undefined;
}

/** Which limit a request ran into. */
export interface LimitReached {
  /** `service`: of all customers together; its amounts are not told. */
  of: "key" | "childKey" | "service";
  name: keyof KeyLimits;
  max?: number | undefined;
  left?: number | undefined;
  /** When it begins anew, where time alone does that. */
  resetsAt?: string | undefined;
}

/** One row of the error catalogue. */
export interface ErrorEntry {
  code: ErrorCode;
  /** HTTP status. For a code that ends a job it is what `GET /v1/jobs/{id}/result` answers. */
  status: number;
  /** The same call may succeed later without a change. */
  retryable: boolean;
  title: string;
  /** When exactly this code is answered. */
  cause: string;
  /** What to do about it. */
  hint: string;
  /** Path of the page about this code, on the API's host. */
  docs: string;
}

/** Every error that the API can answer. */
export interface ErrorCatalogue {
  items: ErrorEntry[];
}
