import { expect, test } from "vitest";
import type { z } from "zod";
import {
  CreateJobInput,
  CreateUploadInput,
  GetJobInput,
  Job,
  JobIdInput,
  JobSettings,
  ListJobsInput,
  WatchJobInput,
} from "./schemas.ts";

const files = { image: "upload_1", audio: "upload_2" };
const labels = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`l${n}`, ""]));

test("settings have defaults, the same in JSON and in a form", () => {
  const defaults = { aspect: "auto", fit: "crop", metadata: {} };
  expect(JobSettings.parse({})).toEqual(defaults);
  expect(CreateJobInput.parse(files)).toEqual({ ...files, ...defaults });
  expect(GetJobInput.parse({ id: "job_1" })).toEqual({ id: "job_1", wait: 0 });
  expect(ListJobsInput.parse({})).toEqual({ limit: 20 });
});

test.each<[string, z.ZodType, unknown]>([
  ["the smallest seed", JobSettings, { seed: 0 }],
  ["the largest seed", JobSettings, { seed: 4_294_967_295 }],
  ["the longest prompt", JobSettings, { prompt: "x".repeat(2000) }],
  ["a smile, and a zero-width joiner", JobSettings, { prompt: "👩‍🚀 smiles" }],
  ["twenty labels", JobSettings, { metadata: labels(20) }],
  ["the longest label", JobSettings, { metadata: { ["k".repeat(40)]: "v".repeat(500) } }],
  ["the shortest life", JobSettings, { ttlSeconds: 60 }],
  ["half a second of waiting", GetJobInput, { id: "job_1", wait: 0.5 }],
  ["the longest wait", GetJobInput, { id: "job_1", wait: 30, after: 0 }],
  ["a version to go on from", WatchJobInput, { id: "job_1", after: 0, lastEventId: "7" }],
  ["the largest page", ListJobsInput, { limit: 100 }],
  ["a digest", CreateUploadInput, { contentType: "image/png", bytes: 1, sha256: "0".repeat(64) }],
])("%s is taken", (_what, schema, input) => {
  expect(schema.safeParse(input).error).toBeUndefined();
});

test.each<[string, z.ZodType, unknown]>([
  ["an unknown field", JobSettings, { size: 1 }],
  ["a number as text", JobSettings, { seed: "1" }],
  ["a seed of 33 bits", JobSettings, { seed: 4_294_967_296 }],
  ["an empty prompt", JobSettings, { prompt: "" }],
  ["a prompt with NUL", JobSettings, { prompt: "a\0" }],
  ["a prompt with half a smile", JobSettings, { prompt: "👩".slice(0, 1) }],
  ["21 labels", JobSettings, { metadata: labels(21) }],
  ["a label without a name", JobSettings, { metadata: { "": "x" } }],
  ["a label that is a number", JobSettings, { metadata: { n: 1 } }],
  ["a label with NUL", JobSettings, { metadata: { n: "\0" } }],
  ["a name with NUL", JobSettings, { metadata: { "\0": "n" } }],
  ["a life of more than a week", JobSettings, { ttlSeconds: 604_801 }],
  ["null for what is optional", JobSettings, { prompt: null }],
  ["a job without audio", CreateJobInput, { image: "upload_1" }],
  ["an empty id", JobIdInput, { id: "" }],
  ["an id with NUL", JobIdInput, { id: "job_\0" }],
  ["a URL of 4097 characters", CreateJobInput, { ...files, image: "x".repeat(4097) }],
  ["an id of 65 characters", JobIdInput, { id: "x".repeat(65) }],
  ["a wait of more than 30 s", GetJobInput, { id: "job_1", wait: 30.1 }],
  ["infinity", GetJobInput, { id: "job_1", wait: Number.POSITIVE_INFINITY }],
  ["an event that is no version", WatchJobInput, { id: "job_1", lastEventId: "-1" }],
  ["a version with a fraction", WatchJobInput, { id: "job_1", after: 1.5 }],
  ["a page without jobs", ListJobsInput, { limit: 0 }],
  ["a type in capitals", CreateUploadInput, { contentType: "IMAGE/PNG", bytes: 1 }],
  ["a digest in capitals", CreateUploadInput, { contentType: "image/png", bytes: 1, sha256: "A".repeat(64) }],
])("%s is refused", (_what, schema, input) => {
  expect(schema.safeParse(input).success).toBe(false);
});

test("a job has the fields of its state", () => {
  const time = "2026-01-01T00:00:00.000Z";
  const base = {
    id: "job_1",
    version: 1,
    createdAt: time,
    updatedAt: time,
    aspect: "auto",
    fit: "crop",
    seed: 1,
    metadata: {},
    ttlSeconds: 60,
    audioSeconds: 1,
    timings: {},
    cost: { gpuSeconds: 0, usd: 0 },
  };
  expect(Job.safeParse({ ...base, status: "queued" }).success).toBe(true);
  expect(Job.safeParse({ ...base, status: "running" }).success).toBe(false);
  expect(Job.safeParse({ ...base, status: "running", progress: 0.5 }).success).toBe(true);
  expect(Job.safeParse({ ...base, status: "canceled" }).success).toBe(false);
  expect(Job.safeParse({ ...base, status: "canceled", finishedAt: time }).success).toBe(true);
});
