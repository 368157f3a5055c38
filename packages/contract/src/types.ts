/**
 * What customers send and get, as plain documented types. `@avatar/client` publishes these, so they import
 * nothing that a customer would have to install. `types-match-schemas.ts` proves them equal to the schemas.
 */
import type { ErrorCode } from "./errors.ts";
import type { MediaType } from "./limits.ts";

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
  /** Keep the video for less than the usual six hours. */
  ttlSeconds?: number | undefined;
}

export interface CreateJobInput extends JobSettings {
  /** Id of an upload that holds the portrait. */
  image: string;
  /** Id of an upload that holds the speech. */
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
}

/** Waits for a free worker. */
export interface QueuedJob extends JobBase {
  status: "queued";
}

/** A worker has the job and is waking or loading. */
export interface StartingJob extends JobBase {
  status: "starting";
  /** The worker starts from zero, which takes longer. */
  cold: boolean;
}

export interface RunningJob extends JobBase {
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
}

/** Where to PUT a file, and the id to use it by. */
export interface Upload {
  id: string;
  method: "PUT";
  /** Signed link; takes exactly the declared type and size. */
  url: string;
  /** Headers that the PUT must carry. */
  headers: Record<string, string>;
  /** After this time the file is deleted once no unfinished job needs it. */
  expiresAt: string;
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
}
