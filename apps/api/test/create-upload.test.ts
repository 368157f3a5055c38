import { LIMITS, MEDIA_TYPE_NAMES } from "@avatar/contract/limits";
import { afterAll, beforeAll, expect, test } from "vitest";
import { uploads } from "../src/db/schema/schema.ts";
import { throughBothDoors } from "./support/doors.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { databaseKind } from "./support/test-database.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

test("an upload comes with a link on our host, what to send, and when it ends", async () => {
  const before = Date.now();
  const { status, body } = await throughBothDoors(api, "uploads.create", {
    input: { contentType: "image/png", bytes: 3 },
  });
  expect(status).toBe(201);
  expect(body).toMatchObject({
    method: "PUT",
    headers: { "Content-Type": "image/png", "If-None-Match": "*" },
  });
  const { r2 } = api.database;
  const place = r2 ? `${r2.endpoint}/${r2.bucket}` : `${api.url}/objects`;
  expect(body.url.startsWith(`${place}/uploads/${body.id}?`)).toBe(true);
  expect(Date.parse(body.expiresAt)).toBeGreaterThanOrEqual(before + LIMITS.uploadTtlSeconds * 1000);
});

test.skipIf(databaseKind === "postgres")("links of the disk store lead to the public address", async () => {
  const behindProxy = await startTestApi({ config: { publicBaseUrl: "https://api.example.com/avatar" } });
  try {
    const { body } = await behindProxy.rest("POST", "/v1/uploads", { contentType: "image/png", bytes: 3 });
    expect(body.url).toMatch(/^https:\/\/api\.example\.com\/avatar\/objects\/uploads\//);
  } finally {
    await behindProxy.stop();
  }
});

test.each(MEDIA_TYPE_NAMES)("%s can be declared", async (contentType) => {
  const { status } = await api.rest("POST", "/v1/uploads", { contentType, bytes: 1 });
  expect(status).toBe(201);
});

test.each([
  ["image/png", LIMITS.image.maxBytes],
  ["audio/wav", LIMITS.audio.maxBytes],
])("%s of the largest size can be declared", async (contentType, bytes) => {
  const { status } = await throughBothDoors(api, "uploads.create", { input: { contentType, bytes } });
  expect(status).toBe(201);
});

test.each([
  ["contentType", "video/mp4"],
  ["contentType", "IMAGE/PNG"],
  ["bytes", -1],
  ["bytes", 1.5],
  ["bytes", 2 ** 53],
  ["sha256", "A".repeat(64)],
  ["sha256", "a".repeat(63)],
])("%s cannot be %j, and no upload is made", async (path, value) => {
  const before = await api.db.$count(uploads);
  const input = { contentType: "image/png", bytes: 3, [path]: value };
  const { body } = await throughBothDoors(api, "uploads.create", { input });
  expect(body).toMatchObject({
    code: "invalid_input",
    issues: expect.arrayContaining([expect.objectContaining({ path })]),
  });
  expect(await api.db.$count(uploads)).toBe(before);
});
