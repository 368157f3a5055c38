import { HttpResponse, http } from "msw";
import { setupServer } from "msw/node";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { Avatar } from "../src/index.ts";
import { fakeAvatar } from "../src/testing.ts";
import { errorOf, files } from "./support/use-fake-api.ts";

const server = setupServer();
beforeAll(() => server.listen());
afterEach(() => server.resetHandlers());
afterAll(() => server.close());

test("code that makes its own client meets the fake", async () => {
  const fake = fakeAvatar({ baseUrl: "https://avatar.example.com" });
  server.use(...fake.handlers(http));
  const avatar = new Avatar({ apiKey: fake.apiKey, baseUrl: "https://avatar.example.com" });
  const video = await avatar.generate(files());
  const response = await fetch(await video.url(), { headers: { range: "bytes=0-9" } });
  expect([response.status, (await response.arrayBuffer()).byteLength]).toEqual([206, 10]);
  expect((await video.blob()).size).toBe(video.bytes);
  expect(fake.jobs).toHaveLength(1);
});

test("scripts and faults work there, too", async () => {
  const fake = fakeAvatar({ script: "no_face", faults: [{ at: "POST /v1/jobs", kind: "lost-reply" }] });
  server.use(...fake.handlers(http));
  const { apiKey, baseUrl, clock } = fake;
  const avatar = new Avatar({ apiKey, baseUrl, clock });
  expect(await errorOf(avatar.generate(files()))).toMatchObject({ code: "no_face", jobId: "job_1" });
  expect(fake.jobs).toHaveLength(1);
  fake.fail({ at: "GET /v1/jobs", kind: "hang" });
  expect(await errorOf(avatar.jobs.list({}, { timeoutMs: 20 }))).toMatchObject({ code: "timeout" });
});

test("your own handlers stand beside it", async () => {
  server.use(http.get("https://app.example/me", () => HttpResponse.json({ name: "Ada" })));
  server.use(...fakeAvatar().handlers(http));
  expect(await (await fetch("https://app.example/me")).json()).toEqual({ name: "Ada" });
});
