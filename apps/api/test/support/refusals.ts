import type { ErrorCode } from "@avatar/contract/errors";
import { JOB_ERROR_CODES } from "@avatar/contract/job-errors";
import type { KeyLimits } from "@avatar/contract/key-types";
import { LIMITS } from "@avatar/contract/limits";
import { eq } from "drizzle-orm";
import { uploads } from "../../src/db/schema/schema.ts";
import { operations } from "../../src/trpc/operations.ts";
import { aJpeg, aPng, aWav } from "../media/media-files.ts";
import { type Call, operationNamed } from "./doors.ts";
import { insertJob, insertKey, OWNER } from "./rows.ts";
import type { TestApi } from "./test-api.ts";

type Make<T> = (api: TestApi) => T | Promise<T>;
/** Makes all that is needed for a call to be refused with a code, and gives the call. */
export type Refusals = Partial<Record<ErrorCode, Make<Call>>>;

/** Ids of a small portrait and recording. */
export const aJobInput = async (api: TestApi) => ({
  image: await api.upload("image/png", aPng()),
  audio: await api.upload("audio/wav", aWav()),
});

const ofQueuedJob = async (api: TestApi) => ({ id: (await insertJob(api)).id });

/** For each operation an input that it takes. */
export const VALID_INPUT: Record<string, Make<Record<string, unknown>>> = {
  "jobs.create": aJobInput,
  "jobs.estimate": aJobInput,
  "jobs.get": ofQueuedJob,
  "jobs.list": () => ({}),
  "jobs.result": async (api) => ({ id: (await insertJob(api, { status: "succeeded" })).id }),
  "jobs.cancel": ofQueuedJob,
  "jobs.delete": ofQueuedJob,
  "uploads.create": () => ({ contentType: "image/png", bytes: 100 }),
  "limits.get": () => ({}),
  "usage.get": () => ({ from: "2026-01-01", to: "2026-12-31" }),
  "keys.create": () => ({ owner: "owner_new", name: "for a customer" }),
  "keys.list": () => ({ owner: "owner_default" }),
  "keys.update": async (api) => ({ id: await aKeyId(api), name: "renamed" }),
  "keys.rotate": async (api) => ({ id: await aKeyId(api) }),
  "keys.revoke": async (api) => ({ id: await aKeyId(api) }),
  "keys.createChild": () => ({}),
  "keys.current": () => ({}),
  "errors.list": () => ({}),
};

/** Operations that ask the database for nothing but the key. */
export const NEEDS_NO_DATABASE = ["limits.get", "errors.list"];
/** Operations that ask it for nothing but keys. */
export const NEEDS_ONLY_KEYS = operations.flatMap(({ name }) => (name.startsWith("keys.") ? [name] : []));

const longId = { id: "x".repeat(65) };
const INVALID_INPUT: Record<string, Record<string, unknown>> = {
  "jobs.create": { image: "upload_1" },
  "jobs.estimate": { image: "upload_1", audio: "upload_2", ttlSeconds: 10 },
  "jobs.get": { id: "job_1", wait: 31 },
  "jobs.list": { limit: 0 },
  "jobs.result": longId,
  "jobs.cancel": longId,
  "jobs.delete": longId,
  "uploads.create": { contentType: "image/gif", bytes: 1 },
  "usage.get": { from: "2026-02-30" },
  "keys.create": { owner: "", name: "x" },
  "keys.list": { limit: 0 },
  "keys.update": { ...longId, name: "x" },
  "keys.rotate": { id: "key_1", overlapSeconds: -1 },
  "keys.revoke": longId,
  "keys.createChild": { ttlSeconds: 3601 },
};

/** What every operation refuses, and those with a body. */
export const commonRefusals = (name: string): Refusals => ({
  invalid_input: () => ({ input: INVALID_INPUT[name] }),
  unknown_field: async (api) => ({ input: { ...(await VALID_INPUT[name]?.(api)), nope: 1 } }),
  insufficient_scope: async (api) => {
    const scope = operationNamed(name).scope === "read" ? "generate" : "read";
    const key = await insertKey(api, OWNER, { scopes: [scope] });
    return { input: await VALID_INPUT[name]?.(api), headers: { authorization: `Bearer ${key}` } };
  },
  rate_limited: async (api) => {
    const key = await insertKey(api, OWNER, { limits: { requestsPerMinute: 1 } });
    const headers = { authorization: `Bearer ${key}` };
    await api.rest("GET", "/v1/limits", undefined, headers);
    return { input: await VALID_INPUT[name]?.(api), headers };
  },
  unauthorized: async (api) => ({
    input: await VALID_INPUT[name]?.(api),
    headers: { authorization: undefined },
  }),
  malformed_json: async (api) => ({ input: await VALID_INPUT[name]?.(api), body: "{" }),
  body_too_large: async (api) => ({
    input: await VALID_INPUT[name]?.(api),
    body: JSON.stringify({ image: "x".repeat(LIMITS.jsonBodyBytes) }),
  }),
  unsupported_content_type: async (api) => ({
    input: await VALID_INPUT[name]?.(api),
    body: "image=1",
    headers: { "content-type": "application/x-www-form-urlencoded" },
  }),
});

const withImage = (type: string, bytes: Buffer) => async (api: TestApi) => ({
  input: { ...(await aJobInput(api)), image: await api.upload(type, bytes) },
});
const withAudio = (type: string, bytes: Buffer) => async (api: TestApi) => ({
  input: { ...(await aJobInput(api)), audio: await api.upload(type, bytes) },
});
const ofJob = (job: Parameters<typeof insertJob>[1]) => async (api: TestApi) => ({
  input: { id: (await insertJob(api, job)).id },
});

const aKeyId = async (api: TestApi): Promise<string> =>
  (await api.rest("POST", "/v1/keys", { owner: "owner_new", name: "one" })).body.id;

const unknownKey = (more = {}): Refusals => ({
  key_not_found: () => ({ input: { id: "key_none", ...more } }),
});

/** A call with a key that has these limits, after a job of it was made. Those of costs need an engine that has a price. */
const beyond = (limits: KeyLimits) => async (api: TestApi) => {
  const key = await insertKey(api, OWNER, { limits });
  const headers = { authorization: `Bearer ${key}` };
  const input = await aJobInput(api);
  await api.rest("POST", "/v1/jobs", input, headers);
  return { input, headers };
};

const unknownJob: Refusals = { job_not_found: () => ({ input: { id: "job_none" } }) };

/** Of what a job is to be made of. */
const OF_FILES: Refusals = {
  test_key_required: async (api) => ({
    input: { ...(await aJobInput(api)), test: { failWith: "no_face" } },
  }),
  upload_not_found: async (api) => ({ input: { ...(await aJobInput(api)), image: "upload_none" } }),
  upload_incomplete: async (api) => {
    const declared = await api.rest("POST", "/v1/uploads", { contentType: "audio/wav", bytes: 1 });
    return { input: { ...(await aJobInput(api)), audio: declared.body.id } };
  },
  upload_expired: async (api) => {
    const input = await aJobInput(api);
    await api.db
      .update(uploads)
      .set({ expiresAt: new Date(0) })
      .where(eq(uploads.id, input.audio));
    return { input };
  },
  upload_mismatch: async (api) => {
    const declared = { contentType: "image/png", bytes: 3, sha256: "0".repeat(64), inParts: true };
    const { body } = await api.rest("POST", "/v1/uploads", declared);
    const [part] = body.parts;
    await fetch(part.url, { method: "PUT", headers: part.headers, body: "abc" });
    return { input: { ...(await aJobInput(api)), image: body.id } };
  },
  url_not_allowed: async (api) => ({ input: { ...(await aJobInput(api)), image: "https://127.0.0.1/" } }),
  media_type_mismatch: withImage("image/png", aJpeg()),
  unsupported_image: withImage("image/png", Buffer.from("not an image")),
  image_undecodable: withImage("image/png", damagedPng()),
  image_truncated: withImage("image/png", aPng().subarray(0, -12)),
  image_too_small: withImage("image/png", aPng({ width: 127, height: 512 })),
  image_too_many_pixels: withImage("image/png", aPng({ width: 10_000, height: 5001 })),
  unsupported_audio: withAudio("audio/wav", Buffer.from("not a recording")),
  audio_undecodable: withAudio("audio/wav", aWav({ channels: 0 })),
  audio_truncated: withAudio("audio/wav", aWav({ claimedDataBytes: 1_000_000 })),
  audio_too_short: withAudio("audio/wav", aWav({ seconds: 0.4 })),
  audio_too_long: withAudio("audio/wav", aWav({ seconds: 601, sampleRate: 1000, bits: 8 })),
};

/** What an operation refuses beyond that. */
export const OWN_REFUSALS: Record<string, Refusals> = {
  "jobs.create": {
    idempotency_mismatch: async (api) => {
      const input = await aJobInput(api);
      const headers = { "idempotency-key": input.image };
      await api.rest("POST", "/v1/jobs", input, headers);
      return { input: { ...input, aspect: "1:1" }, headers };
    },
    too_many_jobs: beyond({ jobsInFlight: 1 }),
    queue_full: beyond({ jobsQueued: 1 }),
    gpu_quota_exceeded: beyond({ gpuSecondsPerDay: 0 }),
    budget_exhausted: beyond({ usdPerDay: 0 }),
    ...OF_FILES,
  },
  "jobs.estimate": OF_FILES,
  "jobs.get": unknownJob,
  "jobs.list": {},
  "jobs.result": {
    ...unknownJob,
    job_not_finished: ofJob({ status: "running" }),
    job_canceled: ofJob({ status: "canceled" }),
    video_expired: ofJob({ status: "expired" }),
    ...Object.fromEntries(
      JOB_ERROR_CODES.map((code) => [
        code,
        ofJob({ status: "failed", error: { code, detail: "It went wrong." } }),
      ]),
    ),
  },
  "jobs.cancel": unknownJob,
  "jobs.delete": unknownJob,
  "keys.create": {},
  "keys.list": {},
  "keys.update": unknownKey({ name: "x" }),
  "keys.rotate": unknownKey(),
  "keys.revoke": unknownKey(),
  "keys.createChild": {
    insufficient_scope: async (api) => {
      const { body } = await api.rest("POST", "/v1/child-keys", {});
      return { input: {}, headers: { authorization: `Bearer ${body.key}` } };
    },
  },
  "keys.current": {},
  "usage.get": {
    insufficient_scope: async (api) => {
      const key = await insertKey(api, OWNER);
      return { input: { owner: "owner_other" }, headers: { authorization: `Bearer ${key}` } };
    },
  },
  "uploads.create": {
    empty_file: () => ({ input: { contentType: "image/png", bytes: 0 } }),
    image_too_large: () => ({ input: { contentType: "image/png", bytes: LIMITS.image.maxBytes + 1 } }),
    audio_too_large: () => ({ input: { contentType: "audio/wav", bytes: LIMITS.audio.maxBytes + 1 } }),
  },
};

function damagedPng(): Buffer {
  const png = aPng();
  png.writeUInt8(1, 19); // The width no longer fits the checksum.
  return png;
}
