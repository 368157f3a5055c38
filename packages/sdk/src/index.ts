export type { Key, KeyLimits } from "@avatar/contract/key-types";
export type {
  Aspect,
  CanceledJob,
  CreateJobInput,
  EstimateWarning,
  ExpiredJob,
  FailedJob,
  Fit,
  ForeseenRefusal,
  Issue,
  Job,
  JobCost,
  JobError,
  JobEstimate,
  JobPage,
  JobSettings,
  JobStatus,
  JobTimings,
  LimitReached,
  Limits,
  ListJobsInput,
  QueuedJob,
  RunningJob,
  StartingJob,
  SucceededJob,
  Video as VideoFacts,
} from "@avatar/contract/types";
export type { GetUsageInput, LimitLeft, Usage, UsageCounts, UsageDay } from "@avatar/contract/usage-types";
export type { CheckOptions, InputIssue } from "./check.ts";
export { Avatar, type GenerateInput, type GenerateOptions, type SubmitOptions } from "./client.ts";
export {
  AbortedError,
  ApiError,
  AvatarError,
  ConnectionError,
  type ErrorCode,
  type ErrorFacts,
  JobCanceledError,
  JobFailedError,
  type LocalErrorCode,
  TimeoutError,
} from "./errors.ts";
export type { ClientEvent, RequestEvent, ResponseEvent, RetryEvent } from "./events.ts";
export type { Generation, ResumeOptions } from "./generation.ts";
export type { CallOptions } from "./http.ts";
export type { CreateJobOptions, GetJobOptions, JobList, Jobs } from "./jobs.ts";
export type { Media, Upload } from "./media.ts";
export type { Raw } from "./raw.ts";
export type { Clock, RetryOptions } from "./retry.ts";
export type { Bounds } from "./scope.ts";
export type { ClientOptions } from "./settings.ts";
export type { UploadOptions, UploadProgress } from "./uploads.ts";
export type { StreamOptions, Video } from "./video.ts";
