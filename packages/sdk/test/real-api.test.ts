import { mkdtemp, open, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  createTestDatabase,
  createUrlOpener,
  type SmallInternet,
  startSmallInternet,
  startTestApi,
  type TestApi,
  type TestDatabase,
} from "@avatar/api/testing";
import { LIMITS } from "@avatar/contract/limits";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { Avatar, type ClientOptions, type Job, JobFailedError, type Media } from "../src/index.ts";
import { file, saveTo } from "../src/node.ts";
import { waitFor } from "./support/fake-api.ts";
import { createFakeClock, errorOf } from "./support/use-fake-api.ts";

const media = (name: string) => fileURLToPath(new URL(`../../../examples/media/${name}`, import.meta.url));
const input = () => ({ image: file(media("portrait.png")), audio: file(media("speech-3s.wav")) });

const WEB = "https://files.test";
const WEB_ADDRESS = "93.184.215.14";

let folder: string;
let internet: SmallInternet;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "avatar-client-"));
  internet = await startSmallInternet({ publicAddresses: [WEB_ADDRESS], certified: ["files.test"] });
  internet.zone.set("files.test", [[WEB_ADDRESS]]);
  const files = await Promise.all(["portrait.png", "speech-3s.wav"].map((name) => readFile(media(name))));
  internet.answer(({ url }, response) => void response.end(files[url === "/portrait.png" ? 0 : 1]));
});
afterAll(async () => {
  await internet.stop();
  await rm(folder, { recursive: true });
});

/** More than the API takes unless its operator raises the limit; `audio` in these tests may have it. */
const LARGE_BYTES = 105 * 1024 * 1024;
const limits = { ...LIMITS, audio: { ...LIMITS.audio, maxBytes: LARGE_BYTES } };

describe.each(["disk", "s3"] as const)("with files on %s", (store) => {
  let database: TestDatabase;
  let api: TestApi;
  let avatar: Avatar;

  beforeAll(async () => {
    database = await createTestDatabase("pglite", store);
    const openUrl = createUrlOpener(internet);
    api = await startTestApi({ database, openUrl, config: { inputLimits: limits } });
    avatar = client();
  });
  afterAll(async () => {
    await api.stop();
    await database.remove();
  });

  const client = (options: ClientOptions = {}) =>
    new Avatar({ apiKey: api.apiKey, baseUrl: api.url, ...options });

  async function allJobs(): Promise<Job[]> {
    const jobs: Job[] = [];
    for await (const job of avatar.jobs.list({ limit: 100 })) jobs.push(job);
    return jobs;
  }

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

    const { path, bytes } = await saveTo(video, join(folder, "talking.mp4"));
    expect((await readFile(path)).length).toBe(bytes);
    expect(bytes).toBe(video.bytes);

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

  test("an estimate of uploads tells what their job takes, and the usage counts that job", async () => {
    const [image, audio] = [
      await avatar.upload(await readFile(media("portrait.png"))),
      await avatar.upload(await readFile(media("speech-3s.wav"))),
    ];
    const before = await avatar.usage();
    const estimate = await avatar.estimate({ image, audio, aspect: "16:9" });
    expect(estimate).toMatchObject({ audioSeconds: 2.99, position: 1, warnings: [] });
    await avatar.generate({ image, audio });
    const after = await avatar.usage();
    expect(after.totals.succeeded).toBe(before.totals.succeeded + 1);
  });

  test("raw shows the headers of the real API", async () => {
    const { data, response, requestId } = await avatar.raw((client) => client.limits());
    expect(data.audio.maxBytes).toBe(LARGE_BYTES);
    expect(response.headers.get("content-type")).toContain("json");
    expect(requestId).toMatch(/^req_/);
  });

  test("list goes through all pages", async () => {
    const ids: string[] = [];
    for await (const job of avatar.jobs.list({ limit: 2 })) ids.push(job.id);
    expect(ids.length).toBeGreaterThan(3);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("key tells of the key in use", async () => {
    const key = await avatar.key();
    expect(key).toMatchObject({ mode: "live", scopes: expect.arrayContaining(["generate", "read"]) });
    expect(key).not.toHaveProperty("key");
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

  test.each<[string, (name: string) => Promise<Media>]>([
    ["a URL", async (name) => `${WEB}/${name}`],
    ["a URL object", async (name) => new URL(name, WEB)],
    ["a Blob", async (name) => new Blob([await readFile(media(name))])],
    ["a stream", async (name) => new Blob([await readFile(media(name))]).stream()],
    ["a file", async (name) => file(media(name))],
    ["an upload", async (name) => avatar.upload(await readFile(media(name)))],
  ])("generate takes %s", async (_, of) => {
    const [image, audio] = [await of("portrait.png"), await of("speech-3s.wav")];
    const video = await avatar.generate({ image, audio });
    expect(await avatar.jobs.get(video.jobId)).toMatchObject({ status: "succeeded", audioSeconds: 2.99 });
    expect(await (await video.blob()).text()).toContain(`the video of ${video.jobId}`);
  });

  test("a URL that leads nowhere rejects with the API's own word", async () => {
    const error = await errorOf(avatar.generate({ ...input(), image: "https://nowhere.test/portrait.png" }));
    expect(error).toMatchObject({ code: "url_unreachable", status: 422, attempts: 1 });
  });

  test("a file that was put but whose answer was lost is used, not sent to another upload", async () => {
    const statuses: number[] = [];
    const forgetful = client({
      clock: createFakeClock(),
      async fetch(url, init) {
        const response = await fetch(url, init);
        if (init.method !== "PUT") return response;
        statuses.push(response.status);
        if (statuses.length > 1) return response;
        await response.body?.cancel();
        throw new TypeError("fetch failed");
      },
    });
    // Large enough that the answer may come while the file is still being sent.
    const path = await aRecording(30 * 1024 * 1024);
    const audio = await forgetful.upload(await file(path)());
    expect(statuses[0]).toBe(200);
    expect(statuses.at(-1)).toBe(412);
    expect((await avatar.generate({ ...input(), audio })).jobId).toMatch(/^job_/);
  });

  test("a large recording goes in parts and becomes one", async () => {
    const puts: number[] = [];
    const counting = client({
      fetch(url, init) {
        if (init.method === "PUT") puts.push((init.body as unknown as Blob).size);
        return fetch(url, init);
      },
    });
    const path = await aRecording(LARGE_BYTES);
    const loaded: number[] = [];
    const video = await counting.generate(
      { ...input(), audio: file(path) },
      { onUpload: (progress) => progress.input === "audio" && loaded.push(progress.loaded) },
    );
    const parts = Math.ceil(LARGE_BYTES / LIMITS.uploadPartBytes);
    expect(puts).toHaveLength(1 + parts); // and the portrait
    expect(loaded).toHaveLength(1 + parts);
    expect(loaded.at(-1)).toBe(LARGE_BYTES);
    const key = api.engine.started.at(-1)?.audio.key ?? "";
    expect(await database.objects(key), "the parts are gone").toEqual([key]);
    expect((await database.readObject(key)).length).toBe(LARGE_BYTES);
    const job = await avatar.jobs.get(video.jobId);
    expect(job.audioSeconds).toBeCloseTo((LARGE_BYTES - 44) / BYTES_PER_SECOND, 1);
  });

  test("a recording beyond the operator's limit is refused before a byte is sent", async () => {
    let puts = 0;
    const counting = client({
      fetch(url, init) {
        if (init.method === "PUT") puts++;
        return fetch(url, init);
      },
    });
    const path = await aRecording(LARGE_BYTES + 2);
    const error = await errorOf(counting.generate({ ...input(), audio: file(path) }));
    expect(error).toMatchObject({ code: "audio_too_large", status: 413 });
    expect(puts).toBe(0);
  });

  test("bytes that are not the declared ones are an upload_mismatch", async () => {
    const damaging = client({
      fetch: (url, init) =>
        fetch(url, init.method === "PUT" ? { ...init, body: new Uint8Array(reported.length) } : init),
    });
    const reported = await readFile(media("portrait.png"));
    const audio = await avatar.upload(await readFile(media("speech-3s.wav")));
    // Only files of a call with a key are hashed.
    const call = damaging.generate({ image: reported, audio }, { idempotencyKey: `damaged on ${store}` });
    expect(await errorOf(call)).toMatchObject({ code: "upload_mismatch", attempts: 1 });
  });

  test.skipIf(store === "disk").each(["uploads", "URLs", "files"])(
    "a generate of %s outlasts a store that is down, and makes one job",
    async (kind) => {
      const { s3 } = database;
      if (!s3) throw new Error("there is no store to take down");
      const [image, audio] = [
        await avatar.upload(await readFile(media("portrait.png"))),
        await avatar.upload(await readFile(media("speech-3s.wav"))),
      ];
      const given =
        {
          uploads: { image, audio },
          URLs: { image: `${WEB}/portrait.png`, audio: `${WEB}/speech-3s.wav` },
          files: input(),
        }[kind] ?? input();
      const before = { jobs: (await allJobs()).length, objects: await database.objects() };

      const refusals: { status: number; code: string; retryAfter: string | null }[] = [];
      const clock = createFakeClock();
      const lookAndBringItBack = async () => {
        expect((await allJobs()).length).toBe(before.jobs);
        expect(await database.objects()).toEqual(before.objects);
        await s3.up();
      };
      let back: Promise<void> | undefined;
      const patient = client({
        // The client pauses once a try has failed.
        clock: {
          now: clock.now,
          async sleep(ms, signal) {
            await clock.sleep(ms, signal);
            back ??= lookAndBringItBack();
            await back;
          },
        },
        async fetch(url, init) {
          const response = await fetch(url, init);
          if (response.status === 503) {
            const { code }: { code: string } = JSON.parse(await response.clone().text());
            refusals.push({ status: 503, code, retryAfter: response.headers.get("retry-after") });
          }
          return response;
        },
      });
      await s3.down();
      const video = await patient.generate(given);
      // The client itself cannot reach the store with files, which is no 503.
      expect(refusals).toEqual(
        kind === "files" ? [] : [{ status: 503, code: "storage_unavailable", retryAfter: "1" }],
      );
      expect(clock.slept.length).toBeGreaterThan(0);
      expect((await allJobs()).length).toBe(before.jobs + 1);
      expect((await video.blob()).size).toBe(video.bytes);
    },
  );
});

const BYTES_PER_SECOND = 192_000;

/** A file of so many bytes: silence as a WAV of 48 kHz in stereo. */
async function aRecording(bytes: number): Promise<string> {
  const header = Buffer.alloc(44);
  header.write("RIFF\0\0\0\0WAVEfmt ", "latin1");
  header.writeUInt32LE(bytes - 8, 4);
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(2, 22);
  header.writeUInt32LE(48_000, 24);
  header.writeUInt32LE(BYTES_PER_SECOND, 28);
  header.writeUInt16LE(4, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(bytes - 44, 40);
  const path = join(folder, `${bytes}.wav`);
  const out = await open(path, "w");
  await out.write(header);
  await out.truncate(bytes);
  await out.close();
  return path;
}
