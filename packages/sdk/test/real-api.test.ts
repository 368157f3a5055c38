import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { startTestApi, type TestApi } from "@avatar/api/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Avatar, type Job, JobFailedError } from "../src/index.ts";
import { file, saveTo } from "../src/node.ts";
import { waitFor } from "./support/fake-api.ts";
import { createFakeClock, errorOf } from "./support/use-fake-api.ts";

let api: TestApi;
let avatar: Avatar;
let database: TestApi["database"];

beforeAll(async () => {
  const dataDir = await mkdtemp(join(tmpdir(), "avatar-client-api-"));
  const remove = () => rm(dataDir, { recursive: true });
  database = { config: { dataDir }, dataDir, remove };
  api = await startTestApi({ database });
  avatar = new Avatar({ apiKey: api.apiKey, baseUrl: api.url });
});
afterAll(async () => {
  await api.stop();
  await database.remove();
});

const media = (name: string) => fileURLToPath(new URL(`../../../examples/media/${name}`, import.meta.url));
const input = () => ({ image: file(media("portrait.png")), audio: file(media("speech-3s.wav")) });

test("generate and saveTo work with the real API", async () => {
  const states: string[] = [];
  const uploads: string[] = [];
  const video = await avatar.generate(
    { ...input(), aspect: "16:9", metadata: { order: "7" } },
    {
      onUpdate: ({ status }) => states.push(status),
      onUpload: ({ input, loaded, total }) => loaded === total && uploads.push(input),
    },
  );
  expect(states[0]).toBe("queued");
  expect(states.at(-1)).toBe("succeeded");
  expect(uploads.sort()).toEqual(["audio", "image"]);

  const folder = await mkdtemp(join(tmpdir(), "avatar-client-"));
  const { path, bytes } = await saveTo(video, join(folder, "talking.mp4"));
  expect((await readFile(path)).length).toBe(bytes);
  expect(bytes).toBe(video.bytes);
  await rm(folder, { recursive: true });

  const job = await avatar.jobs.get(video.jobId);
  expect(job).toMatchObject({ status: "succeeded", aspect: "16:9", metadata: { order: "7" } });
  expect(await (await avatar.jobs.result(job.id)).url()).toContain("http");
});

test("an abort cancels the job and stops its run", async () => {
  api.engine.scripts.push({ hold: new Promise(() => {}) });
  const controller = new AbortController();
  const generation = avatar.generate(input(), { signal: controller.signal });
  await waitFor(() => generation.job?.status === "running");
  controller.abort();
  expect(await errorOf(generation)).toMatchObject({ code: "aborted" });
  await waitFor(() => api.engine.stopped.length === 1);
  expect(await avatar.jobs.get(await generation.id)).toMatchObject({ status: "canceled" });
});

test("a job that fails rejects with its own code", async () => {
  api.engine.scripts.push({ fail: "no_face" });
  const error = await errorOf(avatar.generate(input()));
  expect(error).toBeInstanceOf(JobFailedError);
  expect(error).toMatchObject({ code: "no_face", retryable: false });
});

test("the same idempotency key and files make one job, also when the files are sent again", async () => {
  const first = await avatar.generate(input(), { idempotencyKey: "order-8" });
  const second = await avatar.generate(input(), { idempotencyKey: "order-8" });
  expect(second.jobId).toBe(first.jobId);
  const other = avatar.generate({ ...input(), seed: 1 }, { idempotencyKey: "order-8" });
  expect(await errorOf(other)).toMatchObject({ code: "idempotency_mismatch", status: 409 });
});

test("a field with a wrong value is named", async () => {
  const error = await errorOf(avatar.generate({ ...input(), seed: -1 }));
  expect(error).toMatchObject({ code: "invalid_input", status: 400, issues: [{ path: "seed" }] });
});

test("list goes through all pages", async () => {
  const ids: string[] = [];
  for await (const job of avatar.jobs.list({ limit: 2 })) ids.push(job.id);
  expect(ids.length).toBeGreaterThan(3);
  expect(new Set(ids).size).toBe(ids.length);
});

test("a deleted video is gone", async () => {
  const { jobId } = await avatar.generate(input());
  await avatar.jobs.delete(jobId);
  expect(await errorOf(avatar.jobs.result(jobId))).toMatchObject({ code: "video_expired", status: 410 });
});

test("with a network that fails all the time, every call makes exactly one job and gets its video", async () => {
  let sent = 0;
  let faults = 0;
  const fail = () => {
    faults++;
    throw new TypeError("fetch failed");
  };
  const unreliable = new Avatar({
    apiKey: api.apiKey,
    baseUrl: api.url,
    clock: createFakeClock(),
    retry: { attempts: 50, budgetMs: Number.POSITIVE_INFINITY },
    async fetch(url, init) {
      const dice = (sent++ * 0.618034) % 1; // evenly spread, the same in every run
      if (dice < 0.15) return fail();
      if (dice < 0.25) return new Response("", { status: 503, headers: { "retry-after": "1" } });
      const response = await fetch(url, init);
      return dice > 0.85 ? fail() : response; // the work is done, but the answer is lost
    },
  });
  const image = await unreliable.upload(await input().image());
  const audio = await unreliable.upload(await input().audio());
  const before = await allJobs();
  const calls = Array.from({ length: 30 }, () => unreliable.generate({ image, audio }));
  const made = new Set((await Promise.all(calls)).map(({ jobId }) => jobId));
  expect(made.size).toBe(30);
  expect((await allJobs()).length - before.length).toBe(30);
  expect(faults).toBeGreaterThan(30);
});

async function allJobs(): Promise<Job[]> {
  const jobs: Job[] = [];
  for await (const job of avatar.jobs.list({ limit: 100 })) jobs.push(job);
  return jobs;
}
