import type { ErrorCode } from "@avatar/contract/errors";
import { LIMITS } from "@avatar/contract/limits";
import { eq } from "drizzle-orm";
import { uploads } from "../../src/db/schema/schema.ts";
import { RUN_ERRORS } from "../../src/jobs/job-errors.ts";
import { aJpeg, aPng, aWav } from "../media/media-files.ts";
import type { Call } from "./doors.ts";
import { insertJob } from "./rows.ts";
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
  "jobs.get": ofQueuedJob,
  "jobs.list": () => ({}),
  "jobs.result": async (api) => ({ id: (await insertJob(api, { status: "succeeded" })).id }),
  "jobs.cancel": ofQueuedJob,
  "jobs.delete": ofQueuedJob,
  "uploads.create": () => ({ contentType: "image/png", bytes: 100 }),
  "limits.get": () => ({}),
};

/** Operations that ask the database for nothing but the key. */
export const NEEDS_NO_DATABASE = ["limits.get"];

const longId = { id: "x".repeat(65) };
const INVALID_INPUT: Record<string, Record<string, unknown>> = {
  "jobs.create": { image: "upload_1" },
  "jobs.get": { id: "job_1", wait: 31 },
  "jobs.list": { limit: 0 },
  "jobs.result": longId,
  "jobs.cancel": longId,
  "jobs.delete": longId,
  "uploads.create": { contentType: "image/gif", bytes: 1 },
};

/** What every operation refuses, and those with a body. */
export const commonRefusals = (name: string): Refusals => ({
  invalid_input: () => ({ input: INVALID_INPUT[name] }),
  unknown_field: async (api) => ({ input: { ...(await VALID_INPUT[name]?.(api)), nope: 1 } }),
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

const unknownJob: Refusals = { job_not_found: () => ({ input: { id: "job_none" } }) };

/** What an operation refuses beyond that. */
export const OWN_REFUSALS: Record<string, Refusals> = {
  "jobs.create": {
    idempotency_mismatch: async (api) => {
      const input = await aJobInput(api);
      const headers = { "idempotency-key": input.image };
      await api.rest("POST", "/v1/jobs", input, headers);
      return { input: { ...input, aspect: "1:1" }, headers };
    },
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
  },
  "jobs.get": unknownJob,
  "jobs.list": {},
  "jobs.result": {
    ...unknownJob,
    job_not_finished: ofJob({ status: "running" }),
    job_canceled: ofJob({ status: "canceled" }),
    video_expired: ofJob({ status: "expired" }),
    ...Object.fromEntries(
      RUN_ERRORS.map((code) => [
        code,
        ofJob({ status: "failed", error: { code, detail: "It went wrong." } }),
      ]),
    ),
  },
  "jobs.cancel": unknownJob,
  "jobs.delete": unknownJob,
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
