import { LIMITS, MEDIA_TYPE_NAMES } from "@avatar/contract/limits";
import { afterEach, beforeEach, expect, test } from "vitest";
import { aPng, aWav } from "./media/media-files.ts";
import { throughBothDoors } from "./support/doors.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

const INPUT_LIMITS = {
  image: { ...LIMITS.image, maxBytes: 5000, maxPixels: 600 * 600 },
  audio: { ...LIMITS.audio, maxBytes: 40_000, maxSeconds: 2 },
};

let api: TestApi;
beforeEach(async () => {
  api = await startTestApi({ config: { inputLimits: INPUT_LIMITS, videoTtlSeconds: 3600 } });
});
afterEach(() => api.stop());

test("the limits that are told are those of the operator", async () => {
  const { body } = await throughBothDoors(api, "limits.get", { input: {} });
  expect(body).toMatchObject({
    engine: "scripted",
    ...INPUT_LIMITS,
    video: { minTtlSeconds: 60, maxTtlSeconds: 3600 },
    upload: { ttlSeconds: 3600, partBytes: LIMITS.uploadPartBytes },
    idempotency: { maxKeyLength: 255, seconds: 24 * 3600 },
  });
  expect([...body.image.contentTypes, ...body.audio.contentTypes]).toEqual(MEDIA_TYPE_NAMES);
});

test.each([
  ["image/png", aPng({ pixels: Buffer.alloc(5000) }), "image_too_large"],
  ["audio/wav", aWav({ seconds: 2.6 }), "audio_too_large"],
])("%s of more bytes than that is refused when it is declared, and in a form", async (type, file, code) => {
  const declared = await api.rest("POST", "/v1/uploads", { contentType: type, bytes: file.length });
  expect([declared.status, declared.body.code]).toEqual([413, code]);
  const form = new FormData();
  form.set("image", new Blob([type === "image/png" ? file : aPng()], { type: "image/png" }), "a.png");
  form.set("audio", new Blob([type === "audio/wav" ? file : aWav()], { type: "audio/wav" }), "a.wav");
  expect((await api.rest("POST", "/v1/jobs", form)).body.code).toBe(code);
});

test.each([
  [aPng({ width: 601, height: 600 }), aWav(), "image_too_many_pixels"],
  [aPng(), aWav({ seconds: 2.1 }), "audio_too_long"],
])("more pixels or seconds than that are refused", async (image, audio, code) => {
  const input = { image: await api.upload("image/png", image), audio: await api.upload("audio/wav", audio) };
  const { body } = await throughBothDoors(api, "jobs.create", { input });
  expect(body.code).toBe(code);
});

test("a video is kept as long as the operator says, or less where its job asks for that", async () => {
  const files = {
    image: await api.upload("image/png", aPng()),
    audio: await api.upload("audio/wav", aWav()),
  };
  const { body } = await throughBothDoors(api, "jobs.create", { input: files });
  expect(body.ttlSeconds).toBe(3600);
  const less = await throughBothDoors(api, "jobs.create", { input: { ...files, ttlSeconds: 60 } });
  expect(less.body.ttlSeconds).toBe(60);
  const more = await throughBothDoors(api, "jobs.create", { input: { ...files, ttlSeconds: 3601 } });
  expect(more.body).toMatchObject({
    code: "invalid_input",
    issues: [{ path: "ttlSeconds", message: "expected at most 3600" }],
  });
});
