import { createHash } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { keyModeOf } from "@avatar/contract/api-keys";
import { expect, test, vi } from "vitest";
import { Avatar, JobFailedError } from "../src/index.ts";
import { saveTo } from "../src/node.ts";
import { fakeAvatar, type JobState } from "../src/testing.ts";
import { errorOf, files, statesOf, wav } from "./support/use-fake-api.ts";

test("generate works against the fake, without a network", async () => {
  const network = vi.spyOn(globalThis, "fetch");
  const fake = fakeAvatar();
  const generation = new Avatar(fake).generate({ ...files(), metadata: { order: "7" } });
  expect(await statesOf(generation)).toEqual(["queued", "starting", "running", "succeeded"]);
  expect(await generation).toMatchObject({ jobId: "job_1", width: 1280, height: 720, durationSeconds: 1 });
  expect(fake.jobs).toMatchObject([{ id: "job_1", status: "succeeded", metadata: { order: "7" } }]);
  expect(fake.requests.map(({ route }) => route)).toEqual([
    ...Array(2).fill("POST /v1/uploads"),
    ...Array(2).fill("PUT /objects/uploads/{id}"),
    "POST /v1/jobs",
    ...Array(3).fill("GET /v1/jobs/{id}"),
  ]);
  expect(fake.requests[4]?.body).toEqual({ image: "upload_1", audio: "upload_2", metadata: { order: "7" } });
  expect(network).not.toHaveBeenCalled();
  network.mockRestore();
});

test("its video is an MP4 with a picture and a sound, of the size and the hash that it says", async () => {
  const video = await new Avatar(fakeAvatar()).generate(files());
  const path = join(tmpdir(), `fake-${process.pid}.mp4`);
  const { bytes } = await saveTo(video, path);
  const file = await readFile(path);
  await rm(path);
  expect(file.length).toBe(bytes);
  expect(file.length).toBe(video.bytes);
  expect(createHash("sha256").update(file).digest("hex")).toBe(video.sha256);
  expect(boxesOf(file).map(({ type }) => type)).toEqual(["ftyp", "moov", "free", "mdat"]);
  const moov = boxesOf(file).find(({ type }) => type === "moov")?.content ?? file;
  const tracks = boxesOf(moov).filter(({ type }) => type === "trak");
  expect(tracks.map(({ content }) => /vide|soun/.exec(content.toString("latin1"))?.[0])).toEqual([
    "vide",
    "soun",
  ]);
  // Width and height are the last two numbers of `tkhd`, in 16.16 bits.
  const tkhd = boxesOf(tracks[0]?.content ?? file).find(({ type }) => type === "tkhd")?.content ?? file;
  expect([tkhd.readUInt16BE(tkhd.length - 8), tkhd.readUInt16BE(tkhd.length - 4)]).toEqual([1280, 720]);
});

function boxesOf(file: Buffer): { type: string; content: Buffer }[] {
  if (file.length < 8) return [];
  const size = file.readUInt32BE(0);
  const box = { type: file.toString("latin1", 4, 8), content: file.subarray(8, size) };
  return [box, ...boxesOf(file.subarray(size))];
}

test("a script says what becomes of a job", async () => {
  const script: JobState[] = [
    { status: "queued", position: 2, etaSeconds: 90 },
    { status: "queued", position: 1 },
    { status: "starting", cold: true },
    { status: "running", progress: 0.25 },
    { status: "running", progress: 0.75 },
    { status: "succeeded" },
  ];
  const generation = new Avatar(fakeAvatar({ script })).generate(files());
  const seen: unknown[] = [];
  for await (const job of generation) seen.push(job);
  expect(seen).toMatchObject(script);
});

test("a code is a job that fails with it", async () => {
  const error = await errorOf(new Avatar(fakeAvatar({ script: "no_face" })).generate(files()));
  expect(error).toBeInstanceOf(JobFailedError);
  expect(error).toMatchObject({
    code: "no_face",
    jobId: "job_1",
    retryable: false,
    docs: "https://avatar.test/docs/errors/no_face",
    hint: expect.stringContaining("portrait"),
  });
});

test("a function gives each job its script, after its input", async () => {
  const fake = fakeAvatar({ script: ({ metadata }) => (metadata?.order === "7" ? "run_lost" : undefined) });
  const avatar = new Avatar(fake);
  const fails = avatar.generate({ ...files(), metadata: { order: "7" } });
  expect(await errorOf(fails)).toMatchObject({ code: "run_lost" });
  expect((await avatar.generate({ ...files(), metadata: { order: "8" } })).jobId).toBe("job_2");
});

test("`test.failWith` does what it does with a real test key", async () => {
  const fake = fakeAvatar();
  const generation = new Avatar(fake).generate({ ...files(), test: { failWith: "no_capacity" } });
  expect(await errorOf(generation)).toMatchObject({ code: "no_capacity" });
  const live = new Avatar({ ...fake, apiKey: fake.apiKey.replace("test", "live") });
  const refused = await errorOf(live.generate({ ...files(), test: { failWith: "no_capacity" } }));
  expect(refused).toMatchObject({ code: "test_key_required", status: 403 });
});

test("a job stays in the last state of its script until the test moves it on", async () => {
  const fake = fakeAvatar({ script: [{ status: "queued" }] });
  const generation = new Avatar(fake).generate(files());
  const id = await generation.id;
  expect(fake.move(id, { status: "running", progress: 0.9 })).toMatchObject({ version: 2, progress: 0.9 });
  expect(() => fake.move("job_none", { status: "succeeded" })).toThrow("There is no job job_none.");
  fake.move(id, { status: "failed", code: "render_failed", detail: "The GPU fell over." });
  expect(await errorOf(generation)).toMatchObject({ code: "render_failed", detail: "The GPU fell over." });
});

test("cancel, abort and delete end a job", async () => {
  const fake = fakeAvatar({ script: [{ status: "queued" }] });
  const avatar = new Avatar(fake);
  const canceled = avatar.generate(files());
  await canceled.id;
  await canceled.cancel();
  expect(await errorOf(canceled)).toMatchObject({ code: "job_canceled" });

  const controller = new AbortController();
  const aborted = avatar.generate(files(), { signal: controller.signal });
  await aborted.id;
  controller.abort();
  expect(await errorOf(aborted)).toMatchObject({ code: "aborted" });
  await vi.waitUntil(() => fake.jobs[1]?.status === "canceled");

  fake.move((await avatar.jobs.create({ image: "https://a.b/c", audio: "https://a.b/d" })).id, {
    status: "succeeded",
  });
  expect((await avatar.jobs.delete("job_3")).status).toBe("expired");
  expect(await errorOf(avatar.jobs.result("job_3"))).toMatchObject({ code: "video_expired", status: 410 });
});

test("time passes when the test says so, and videos expire by it", async () => {
  const fake = fakeAvatar();
  const video = await new Avatar(fake).generate({ ...files(), ttlSeconds: 60 });
  fake.clock.advance(60_000);
  expect(fake.jobs[0]?.status).toBe("expired");
  expect(await errorOf(video.url())).toMatchObject({ code: "video_expired" });
});

test("the same idempotency key and files make one job, other settings are refused", async () => {
  const fake = fakeAvatar();
  const avatar = new Avatar(fake);
  const options = { idempotencyKey: "order-7" };
  const first = await avatar.generate(files(), options);
  expect((await avatar.generate(files(), options)).jobId).toBe(first.jobId);
  const other = await errorOf(avatar.generate({ ...files(), seed: 1 }, options));
  expect(other).toMatchObject({ code: "idempotency_mismatch", status: 409 });
  expect(fake.jobs).toHaveLength(1);
});

test("list gives newest first, in pages and by status", async () => {
  const fake = fakeAvatar();
  const avatar = new Avatar(fake);
  const input = { image: "https://a.b/c", audio: "https://a.b/d" };
  for (let i = 0; i < 5; i++) await avatar.jobs.create(input);
  fake.move("job_2", { status: "canceled" });
  const ids: string[] = [];
  for await (const { id } of avatar.jobs.list({ limit: 2 })) ids.push(id);
  expect(ids).toEqual(["job_5", "job_4", "job_3", "job_2", "job_1"]);
  expect((await avatar.jobs.list({ status: "canceled" })).items.map(({ id }) => id)).toEqual(["job_2"]);
});

test("a large recording goes in parts, and all of them have to come", async () => {
  const MIB = 1024 * 1024;
  const fake = fakeAvatar();
  const { id } = await new Avatar(fake).upload(wav(65 * MIB));
  const puts = fake.requests.filter(({ method }) => method === "PUT");
  const sizes = puts.map(({ body }) => (body as Uint8Array).length);
  expect(sizes).toHaveLength(5);
  expect(sizes.reduce((sum, size) => sum + size)).toBe(65 * MIB + 12);
  expect(id).toBe("upload_1");
});

test("a client behind a proxy's path needs no key, any other one does", async () => {
  vi.stubGlobal("location", new URL("https://app.example/page"));
  const fake = fakeAvatar({ baseUrl: "/api/avatar" });
  const { baseUrl, fetch, clock } = fake;
  const video = await new Avatar({ baseUrl, fetch, clock }).generate(files());
  expect(await video.url()).toMatch(/^https:\/\/app\.example\/api\/avatar\/objects\//);
  vi.unstubAllGlobals();

  const apart = await fakeAvatar().fetch("https://avatar.test/v1/limits");
  expect(apart.status).toBe(401);
  expect(await apart.json()).toMatchObject({ code: "unauthorized" });
});

test("its key is a test key to every check that we have", () => {
  expect(keyModeOf(fakeAvatar().apiKey)).toBe("test");
});

test("it can be put in place of the global fetch", async () => {
  const fake = fakeAvatar();
  vi.stubGlobal("fetch", fake.fetch);
  const { apiKey, baseUrl } = fake;
  expect((await new Avatar({ apiKey, baseUrl }).jobs.list()).items).toEqual([]);
  vi.unstubAllGlobals();
});
