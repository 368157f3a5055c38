import { z } from "zod";
import { ERROR_CODES } from "./errors.ts";
import { JOB_ERROR_CODES } from "./job-errors.ts";
import { LIMITS, MEDIA_TYPE_NAMES } from "./limits.ts";

/** What UTF-8 and Postgres can store. */
export const storable = [
  (text: string) => text.isWellFormed() && !text.includes("\0"),
  "expected text without NUL and without halves of surrogate pairs",
] as const;

export const Timestamp = z.iso.datetime().describe("ISO 8601 in UTC");
export const Sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/, "expected 64 hexadecimal digits in lower case")
  .describe("SHA-256 of the file, in hex");

export const Aspect = z
  .enum(["auto", "16:9", "9:16", "1:1"])
  .describe("Shape of the video; auto follows the image");
export const Fit = z
  .enum(["crop", "pad"])
  .describe("crop cuts the image to the aspect around the face; pad keeps all of it and fills the rest");
export const JobStatus = z.enum([
  "queued",
  "starting",
  "running",
  "succeeded",
  "failed",
  "canceled",
  "expired",
]);

const { metadata, prompt, videoTtlSeconds } = LIMITS;
export const Prompt = z
  .string()
  .min(1)
  .max(prompt.maxLength)
  .refine(...storable)
  .describe("What the person does while speaking, in a sentence; engines may ignore it");
export const Seed = z
  .int()
  .min(0)
  .max(0xffff_ffff)
  .describe("The same files, settings and seed give the same video");
const Metadata = z
  .record(
    z
      .string()
      .min(1)
      .max(metadata.maxKeyLength)
      .refine(...storable),
    z
      .string()
      .max(metadata.maxValueLength)
      .refine(...storable),
  )
  .refine((value) => Object.keys(value).length <= metadata.maxKeys, `at most ${metadata.maxKeys} keys`)
  .describe("Your own labels, returned with the job");
const TtlSeconds = z
  .int()
  .min(videoTtlSeconds.min)
  .max(videoTtlSeconds.max)
  .describe("How long the video is kept once it is there");

const testSeconds = z.number().min(0).max(LIMITS.testSeconds.max).optional();
const TestOutcome = z
  .strictObject({
    failWith: z.enum(JOB_ERROR_CODES).optional().describe("Fails with this code once it has rendered"),
    queueSeconds: testSeconds.describe("Waits in the queue for so long"),
    renderSeconds: testSeconds.describe("Renders for so long at least"),
  })
  .describe("What shall come of the job, to try how your program takes it; for test keys only");

/** Ids are opaque to customers; the bound only keeps nonsense out of the database. */
export const Id = z
  .string()
  .min(1)
  .max(64)
  .refine(...storable);

const jobSettings = {
  aspect: Aspect.default("auto"),
  fit: Fit.default("crop"),
  prompt: Prompt.optional(),
  seed: Seed.optional(),
  metadata: Metadata.default({}),
  ttlSeconds: TtlSeconds.optional().describe(
    "Keep the video for less than the time that `GET /v1/limits` tells",
  ),
  test: TestOutcome.optional(),
};

/** The fields of a form that are not files. */
export const JobSettings = z.strictObject(jobSettings);

const FileRef = z
  .string()
  .min(1)
  .max(LIMITS.url.maxLength)
  .refine(...storable);

export const CreateJobInput = z
  .strictObject({
    image: FileRef.describe("The portrait: the id of an upload, or an https URL"),
    audio: FileRef.describe("The speech: the id of an upload, or an https URL"),
    ...jobSettings,
  })
  .meta({ id: "CreateJobInput" });

export const Video = z
  .object({
    contentType: z.literal("video/mp4"),
    bytes: z.int().positive(),
    sha256: Sha256,
    width: z.int().positive(),
    height: z.int().positive(),
    durationSeconds: z.number().positive(),
    expiresAt: Timestamp.describe("When the video is deleted"),
  })
  .meta({ id: "Video" });

export const JobError = z
  .object({
    code: z.enum(ERROR_CODES),
    detail: z.string().describe("What happened, in a sentence"),
    hint: z.string().describe("What to do about it"),
    docs: z.string().describe("Path of the page about this code, on the host of the API"),
    retryable: z.boolean(),
  })
  .meta({ id: "JobError" });

export const JobTimings = z
  .object({
    queue: z.number().min(0).optional().describe("Until its last run was begun"),
    start: z
      .number()
      .min(0)
      .optional()
      .describe("Until that run began to render; left out where that went unseen"),
    run: z.number().min(0).optional().describe("The render; the start as well where it went unseen"),
    total: z.number().min(0).optional().describe("From the request to the end"),
  })
  .describe("Seconds that each stage took; only of stages that are over")
  .meta({ id: "JobTimings" });

export const JobCost = z
  .object({
    gpuSeconds: z.int().min(0).describe("Whole seconds that were billed"),
    usd: z.number().min(0),
  })
  .describe("What its runs have cost so far, in what the operator pays")
  .meta({ id: "JobCost" });

const jobBase = {
  id: Id,
  version: z.int().positive().describe("Counts up with every change"),
  createdAt: Timestamp,
  updatedAt: Timestamp,
  aspect: Aspect,
  fit: Fit,
  prompt: Prompt.optional(),
  seed: Seed,
  metadata: Metadata,
  ttlSeconds: TtlSeconds,
  audioSeconds: z.number().positive().describe("Length of the recording"),
  timings: JobTimings,
  cost: JobCost,
};
const unfinished = {
  ...jobBase,
  etaSeconds: z
    .int()
    .min(0)
    .optional()
    .describe(
      "An estimate of how long it still takes, after the latest jobs; told by status and list once there are any",
    ),
};
const finished = { ...jobBase, finishedAt: Timestamp };

export const Job = z
  .discriminatedUnion("status", [
    z
      .object({
        ...unfinished,
        status: z.literal("queued"),
        position: z
          .int()
          .positive()
          .optional()
          .describe("1: it is next. Told by status and list. Owners take turns, so it may move back, too"),
      })
      .meta({ id: "QueuedJob" }),
    z
      .object({
        ...unfinished,
        status: z.literal("starting"),
        cold: z.boolean().describe("The worker starts from zero, which takes longer"),
      })
      .meta({ id: "StartingJob" }),
    z
      .object({ ...unfinished, status: z.literal("running"), progress: z.number().min(0).max(1) })
      .meta({ id: "RunningJob" }),
    z.object({ ...finished, status: z.literal("succeeded"), video: Video }).meta({ id: "SucceededJob" }),
    z.object({ ...finished, status: z.literal("failed"), error: JobError }).meta({ id: "FailedJob" }),
    z.object({ ...finished, status: z.literal("canceled") }).meta({ id: "CanceledJob" }),
    z.object({ ...finished, status: z.literal("expired") }).meta({ id: "ExpiredJob" }),
  ])
  .meta({ id: "Job" });

export const JobResult = z
  .object({
    jobId: Id,
    url: z.url().describe("Signed link, new on every call, dead at urlExpiresAt"),
    urlExpiresAt: Timestamp,
    video: Video,
  })
  .meta({ id: "JobResult" });

export const JobIdInput = z.strictObject({ id: Id });

export const GetJobInput = z.strictObject({
  id: Id,
  wait: z
    .number()
    .min(0)
    .max(LIMITS.wait.maxSeconds)
    .default(0)
    .describe("Hold the answer for up to this many seconds until the job changes"),
  after: z
    .int()
    .min(0)
    .optional()
    .describe("With wait: answer as soon as version is greater than this. Default: the version at the call"),
});

export const WatchJobInput = z.strictObject({
  id: Id,
  after: z
    .int()
    .min(0)
    .optional()
    .describe("Leave out what you know: begin with the first version that is greater than this"),
  lastEventId: z
    .string()
    .regex(/^\d{1,15}$/, "expected the id of an event, which is a version")
    .optional()
    .describe("Set by clients that connect again, in place of `after`"),
});

export const ListJobsInput = z.strictObject({
  status: JobStatus.optional(),
  limit: z.int().min(1).max(LIMITS.list.maxLimit).default(LIMITS.list.defaultLimit),
  cursor: z.string().max(200).optional().describe("nextCursor of the page before"),
});

export const JobPage = z
  .object({
    items: z.array(Job),
    nextCursor: z.string().optional().describe("Left out on the last page"),
  })
  .meta({ id: "JobPage" });

export const CreateUploadInput = z
  .strictObject({
    contentType: z.enum(MEDIA_TYPE_NAMES),
    bytes: z.int().min(0).describe("Size of the file"),
    sha256: Sha256.optional(),
    inParts: z.boolean().default(false).describe("Give a link for each part: good for large files"),
  })
  .meta({ id: "CreateUploadInput" });

const signedLink = {
  url: z.url().describe("Signed link; takes exactly the declared size, once"),
  headers: z.record(z.string(), z.string()).describe("Headers that the PUT must carry"),
};
const uploadBase = {
  id: Id,
  method: z.literal("PUT"),
  expiresAt: Timestamp,
};

export const Upload = z
  .union([
    z.object({ ...uploadBase, ...signedLink }).meta({ id: "SingleUpload" }),
    z
      .object({
        ...uploadBase,
        parts: z
          .array(z.object({ ...signedLink, bytes: z.int().positive().describe("Size of this part") }))
          .min(1)
          .describe("In the order of the file. They may be sent at once and in any order"),
      })
      .meta({ id: "PartedUpload" }),
  ])
  .meta({ id: "Upload" });

export const GetLimitsInput = z.strictObject({});

export const Limits = z
  .object({
    engine: z.string().describe("Where your jobs run"),
    image: z.object({
      contentTypes: z.array(z.string()),
      maxBytes: z.int().describe("Of the file"),
      maxPixels: z.int().describe("Width x height"),
      minSidePixels: z.int(),
    }),
    audio: z.object({
      contentTypes: z.array(z.string()),
      maxBytes: z.int().describe("Of the file"),
      minSeconds: z.number(),
      maxSeconds: z.number(),
    }),
    video: z.object({
      minTtlSeconds: z.int(),
      maxTtlSeconds: z.int().describe("How long a video is kept unless its job asks for less"),
    }),
    upload: z.object({
      ttlSeconds: z.int().describe("How long an upload is good for"),
      partBytes: z.int().describe("Size of each part of an upload in parts, but of the last"),
    }),
    prompt: z.object({ maxLength: z.int() }),
    metadata: z.object({ maxKeys: z.int(), maxKeyLength: z.int(), maxValueLength: z.int() }),
    wait: z.object({ maxSeconds: z.int() }),
    idempotency: z.object({
      maxKeyLength: z.int(),
      seconds: z.int().describe("How long a key is remembered"),
    }),
  })
  .meta({ id: "Limits" });
