import { startTestApi, type TestApi } from "@avatar/api/testing";
import { aPng, aWav } from "@avatar/api/testing/media";
import { ERRORS, type ErrorCode } from "@avatar/contract/errors";
import { LIMITS, type MediaKind } from "@avatar/contract/limits";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { HINTS } from "../src/check.ts";
import { Avatar, type Issue } from "../src/index.ts";
import { file } from "../src/node.ts";
import { FAULTY_FILES, GOOD_FILES } from "./support/faulty-files.ts";
import { errorOf } from "./support/use-fake-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

/** Any request fails the test. */
const offline = new Avatar({
  fetch: () => {
    throw new Error("a byte was sent");
  },
});
const good = () => ({ image: aPng(), audio: aWav() });
const checkOne = (kind: MediaKind, bytes: Buffer) => offline.check({ ...good(), [kind]: bytes });

/** What the API says of the file, whose type it finds out itself, when it is to become a job. */
async function refusalOf(kind: MediaKind, bytes: Buffer) {
  const form = new FormData();
  for (const [name, part] of Object.entries({ ...good(), [kind]: bytes }))
    form.set(name, new Blob([part]), name);
  const headers = { authorization: `Bearer ${api.apiKey}` };
  const answer = await fetch(`${api.url}/v1/jobs`, { method: "POST", headers, body: form });
  return answer.json() as Promise<{ code: ErrorCode; hint: string }>;
}

test.each(FAULTY_FILES)(
  "%s (%s): the code and hint of the API, without a byte sent",
  async (_, kind, bytes, code) => {
    const issues = await checkOne(kind, bytes);
    expect(issues).toEqual([
      { path: kind, code, message: expect.stringMatching(/\.$/), hint: ERRORS[code].hint },
    ]);
    expect(await refusalOf(kind, bytes)).toMatchObject({ code, hint: issues[0]?.hint });
  },
);

test.each(GOOD_FILES)("%s (%s) has no issue, and the API takes it", async (_, kind, bytes) => {
  expect(await checkOne(kind, bytes)).toEqual([]);
  expect(await refusalOf(kind, bytes)).toMatchObject({ status: "queued" });
});

test("both files are looked at", async () => {
  const issues = await offline.check({ image: aPng({ width: 9 }), audio: aWav({ seconds: 0.1 }) });
  expect(issues.map(({ path, code }) => [path, code])).toEqual([
    ["image", "image_too_small"],
    ["audio", "audio_too_short"],
  ]);
  const issue: Issue | undefined = issues[1];
  expect(issue?.message).toBe("The recording is 0.1 s long; the minimum is 0.5 s.");
});

test("a file that is too large is not read beyond its first bytes", async () => {
  const blob = new Blob([aWav(), Buffer.alloc(LIMITS.audio.maxBytes)]);
  const slices = vi.spyOn(Blob.prototype, "slice");
  const issues = await offline.check({ image: aPng(), audio: blob });
  expect(issues).toMatchObject([{ path: "audio", code: "audio_too_large" }]);
  const read = slices.mock.calls.map(([start = 0, end = 0]) => end - start);
  slices.mockRestore();
  expect(Math.max(...read)).toBeLessThanOrEqual(64 * 1024 + 16);
});

test("with the limits of an API those hold", async () => {
  const { audio, image } = await new Avatar({ apiKey: api.apiKey, baseUrl: api.url }).limits();
  const limits = { image, audio: { ...audio, minSeconds: 2 } };
  expect(await offline.check(good(), { limits })).toMatchObject([{ code: "audio_too_short" }]);
});

test("uploads, URLs and what would be used up are not looked at", async () => {
  const stream = new Blob([Buffer.from("no image")]).stream();
  const response = new Response("no recording");
  expect(await offline.check({ image: "upload_1", audio: "https://example.com/speech.mp3" })).toEqual([]);
  expect(await offline.check({ image: stream, audio: response })).toEqual([]);
  expect([stream.locked, response.bodyUsed]).toEqual([false, false]);
});

test("what is no file is an issue as well", async () => {
  const issues = await offline.check({ image: "/etc/passwd", audio: file("/none.wav") });
  expect(issues).toMatchObject([
    { path: "image", code: "invalid_input", hint: expect.stringContaining("file(path)") },
    { path: "audio", code: "file_not_found" },
  ]);
});

test("generate and upload refuse what no API would take, before a byte is sent", async () => {
  const sound = aWav({ claimedDataBytes: 32_000 });
  const error = { code: "audio_truncated", hint: HINTS.audio_truncated };
  expect(await errorOf(offline.generate({ image: aPng(), audio: sound }))).toMatchObject(error);
  expect(await errorOf(offline.upload(sound))).toMatchObject(error);
});

test("generate leaves limits to the API, whose operator may have raised them", async () => {
  const avatar = new Avatar({ apiKey: api.apiKey, baseUrl: api.url });
  const error = await errorOf(avatar.generate({ ...good(), audio: aWav({ seconds: 0.4 }) }));
  expect(error).toMatchObject({ code: "audio_too_short", status: 422 });
});

test("the hints are the API's", () => {
  for (const [code, hint] of Object.entries(HINTS)) expect(hint).toBe(ERRORS[code as ErrorCode].hint);
});
