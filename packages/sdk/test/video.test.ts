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

const rangesOf = () => given.api.seen("GET /videos/:id").map(({ headers }) => headers.range);
const bytesOf = async (blob: Blob) => Buffer.from(await blob.arrayBuffer());

test("a download that breaks goes on where it broke, by blob() and by stream()", async () => {
  const { api, avatar } = given;
  const video = await avatar.generate(files());
  api.fail("GET /videos/:id", { cutAt: 10 }, "reset", { code: "unavailable" }, { cutAt: 7 });
  expect(await bytesOf(await video.blob())).toEqual(api.video);
  expect(rangesOf()).toEqual([undefined, "bytes=10-", "bytes=10-", "bytes=10-", "bytes=17-"]);

  api.fail("GET /videos/:id", { cutAt: 1 });
  expect(await bytesOf(await new Response(video.stream()).blob())).toEqual(api.video);
  expect(rangesOf().slice(5)).toEqual([undefined, "bytes=1-"]);
});

test("from a server that knows no ranges the rest is taken, and no byte twice", async () => {
  const { api, avatar } = given;
  const video = await avatar.generate(files());
  api.knowsRanges = false;
  api.fail("GET /videos/:id", { cutAt: 10 }, { cutAt: 4 }, { cutAt: 12 });
  expect(await bytesOf(await video.blob())).toEqual(api.video);
  expect(api.count("GET /videos/:id")).toBe(4);
});

test("all bytes that came before the connection broke are all it takes", async () => {
  const { api, avatar } = given;
  const video = await avatar.generate(files());
  const { length } = api.video;
  api.fail("GET /videos/:id", { cutAt: length });
  expect(await bytesOf(await video.blob())).toEqual(api.video);
  expect(api.count("GET /videos/:id")).toBe(1);
});

test("two videos never mix: another one that goes on where the first broke is found out", async () => {
  const { api, avatar } = given;
  const video = await avatar.generate(files());
  const reader = video.stream().getReader();
  api.fail("GET /videos/:id", { cutAt: 10 });
  expect((await reader.read()).value?.length).toBe(10);
  api.video = Buffer.from(api.video.map((byte) => byte ^ 1));
  expect((await reader.read()).value?.length).toBe(api.video.length - 10);
  expect(await errorOf(reader.read())).toMatchObject({ code: "download_mismatch", jobId: "job_1" });
});

test("a download without progress ends with the budget of retries", async () => {
  const { api, clock } = given;
  const avatar = new Avatar({ apiKey: "avk_1", baseUrl: api.url, clock, retry: { attempts: 3 } });
  const video = await avatar.generate(files());
  api.fail("GET /videos/:id", { cutAt: 10 }, "reset", "reset");
  const error = await errorOf(video.blob());
  expect(error).toBeInstanceOf(ConnectionError);
  expect(error).toMatchObject({ code: "connection", attempts: 3, retryable: true });
  expect(rangesOf()).toEqual([undefined, "bytes=10-", "bytes=10-"]);
});

test("a download outlives its link", async () => {
  const { api, clock, avatar } = given;
  const video = await avatar.generate(files());
  const reader = video.stream().getReader();
  api.fail("GET /videos/:id", { cutAt: 10 });
  await reader.read();
  clock.time += 3_600_000;
  expect((await reader.read()).value?.length).toBe(api.video.length - 10);
  expect(api.count("GET /v1/jobs/:id/result")).toBe(2);
});

test("url() never gives a link with less than a minute left: the video counts as expired", async () => {
  const { api, avatar } = given;
  const video = await avatar.generate(files());
  api.linkLifeMs = 59_999;
  expect(await errorOf(video.url())).toMatchObject({ code: "video_expired", jobId: "job_1" });
  expect((await video.blob()).size, "there is time to fetch it").toBe(api.video.length);
  api.linkLifeMs = 60_000;
  expect(await video.url()).toMatch(/^http/);
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
