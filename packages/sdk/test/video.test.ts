import { expect, test } from "vitest";
import { Avatar, ConnectionError } from "../src/index.ts";
import { waitFor } from "./support/fake-api.ts";
import { errorOf, files, useFakeApi } from "./support/use-fake-api.ts";

const given = useFakeApi();

test("url() gives the same link until less than a minute is left of it", async () => {
  const { avatar, clock } = given;
  const video = await avatar.generate(files());
  const first = await video.url();
  clock.time += 3_600_000 - 60_000;
  expect(await video.url()).toBe(first);
  clock.time += 1;
  const second = await video.url();
  expect(second).not.toBe(first);
  expect(await video.url()).toBe(second);
});

test("url() of a video that is deleted rejects with the API's word", async () => {
  const { api, avatar } = given;
  const video = await avatar.generate(files());
  api.fail("GET /v1/jobs/:id/result", { code: "video_expired" });
  expect(await errorOf(video.url())).toMatchObject({ code: "video_expired", status: 410 });
});

test("blob() is the whole file", async () => {
  const { api, avatar } = given;
  const blob = await (await avatar.generate(files())).blob();
  expect(blob.type).toBe("video/mp4");
  expect(Buffer.from(await blob.arrayBuffer())).toEqual(api.video);
});

test("blob() of a file that is cut off rejects", async () => {
  const { api, avatar } = given;
  const video = await avatar.generate(files());
  api.video = api.video.subarray(0, 9);
  const error = await errorOf(video.blob());
  expect(error).toBeInstanceOf(ConnectionError);
  expect(error).toMatchObject({ code: "download_mismatch", retryable: true, jobId: "job_1" });
});

test("stream() fetches nothing before somebody reads, and survives a failed start", async () => {
  const { api, avatar } = given;
  const stream = (await avatar.generate(files())).stream();
  await new Promise((resolve) => setImmediate(resolve));
  expect(api.count("GET /videos/:id")).toBe(0);
  api.fail("GET /videos/:id", "reset", { code: "unavailable" });
  expect(Buffer.from(await new Response(stream).arrayBuffer())).toEqual(api.video);
});

test("stream() stops when its reader stops or its signal is aborted", async () => {
  const { api, avatar } = given;
  const video = await avatar.generate(files());
  api.fail("GET /videos/:id", "hang", "hang");

  const reader = video.stream().getReader();
  const read = reader.read();
  await api.reached("GET /videos/:id");
  await reader.cancel();
  expect(await read).toEqual({ done: true, value: undefined });

  const controller = new AbortController();
  const aborted = errorOf(video.stream({ signal: controller.signal }).getReader().read());
  await waitFor(() => api.count("GET /videos/:id") === 2);
  controller.abort();
  expect(await aborted).toMatchObject({ code: "aborted" });
});

test("a download that breaks in the middle is a ConnectionError", async () => {
  const { api, clock, avatar } = given;
  const { jobId } = await avatar.generate(files());
  const broken = new ReadableStream({
    start: (out) => out.enqueue(new Uint8Array(3)),
    pull: (out) => out.error(new TypeError("terminated")),
  });
  const halfway = new Avatar({
    apiKey: "avk_1",
    baseUrl: api.url,
    clock,
    fetch: (url, init) =>
      url.includes("/videos/") ? Promise.resolve(new Response(broken)) : fetch(url, init),
  });
  const error = await errorOf((await halfway.jobs.result(jobId)).blob());
  expect(error).toMatchObject({ code: "connection", detail: expect.stringContaining("terminated") });
});

test("a link that is dead before its time, by our clock, is replaced once", async () => {
  const { api, avatar } = given;
  const video = await avatar.generate(files());
  await video.url();
  api.fail("GET /videos/:id", { code: "link_invalid" });
  expect((await video.blob()).size).toBe(api.video.length);
  expect(api.count("GET /v1/jobs/:id/result")).toBe(2);

  api.fail("GET /videos/:id", { code: "link_invalid" }, { code: "link_invalid" });
  expect(await errorOf(video.blob())).toMatchObject({ code: "link_invalid", status: 403 });
  expect(api.count("GET /v1/jobs/:id/result")).toBe(3);
});
