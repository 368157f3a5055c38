import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { type IncomingMessage, request } from "node:http";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { describe, expect, onTestFinished, test } from "vitest";
import { aPng, aWav } from "../media/media-files.ts";
import { type ChildApi, startChildApi } from "../support/child-api.ts";
import { FORM_TYPE, multipart } from "../support/multipart.ts";
import { TEST_KEY } from "../support/test-api.ts";
import { createTestDatabase } from "../support/test-database.ts";

const MB = 1_000_000;
const AT_ONCE = 40;
/**
 * 2 MiB for each of 40 uploads, and what lies around meanwhile: V8 begins to collect when 64 MB are held outside its heap, which
 * takes longer where other programs have the processor. It is half of one of the large files.
 */
const MAX_GROWTH_MB = 150;

const hasProc = existsSync("/proc/self/status");
if (!hasProc) console.warn("SKIPPED: the memory of a process is read from /proc, which is not here");

let api: ChildApi;
async function start(store: "disk" | "s3"): Promise<void> {
  // Not PGlite: what compiling it takes, at any time in its first seconds, is more than what is looked for.
  const database = await createTestDatabase("postgres", store);
  onTestFinished(() => database.remove());
  api = await startChildApi({
    database,
    child: { engine: "hold" },
    env: { MAX_AUDIO_BYTES: String(400 * MB) },
  });
}

/** Memory of the server, from Linux: what it has now, or the most that it had. */
const memoryMb = (field: "VmRSS" | "VmHWM") =>
  Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${api.pid}/status`, "utf8"))?.[1]) /
  1024;
/** Makes what the server has now the most that it had: https://docs.kernel.org/filesystems/proc.html */
const forgetPeak = () => writeFileSync(`/proc/${api.pid}/clear_refs`, "5");

const NOISE = Buffer.alloc(64 * 1024, "noise");

/** A recording of so many bytes, made on its way. */
function* wavOf(bytes: number): Generator<Buffer> {
  const size = { claimedDataBytes: bytes - 44, claimedRiffBytes: bytes - 8 };
  yield aWav({ seconds: 0, sampleRate: 96_000, channels: 2, bits: 32, ...size });
  for (let left = bytes - 44; left > 0; left -= NOISE.length) yield NOISE.subarray(0, left);
}

async function send(method: string, url: string, headers: object, body: Iterable<Buffer>) {
  const message = request(url, { method, headers: { ...headers } });
  const answered = once(message, "response");
  await pipeline(Readable.from(body), message);
  const [response]: IncomingMessage[] = await answered;
  if (!response) throw new Error("no response");
  return { status: response.statusCode, body: await text(response) };
}

async function uploadAudio(bytes: number): Promise<string> {
  const { body } = await api.rest("POST", "/v1/uploads", { contentType: "audio/wav", bytes });
  const put = await send("PUT", body.url, { ...body.headers, "content-length": bytes }, wavOf(bytes));
  expect(put.status).toBe(200);
  return body.id;
}

async function uploadImage(): Promise<string> {
  const png = aPng();
  const { body } = await api.rest("POST", "/v1/uploads", { contentType: "image/png", bytes: png.length });
  const put = { method: "PUT", headers: body.headers, body: new Uint8Array(png) };
  expect((await fetch(body.url, put)).status).toBe(200);
  return body.id;
}

async function submitForm(audioBytes: number): Promise<void> {
  const image = { name: "image", content: aPng(), fileName: "a.png", type: "image/png" };
  const audio = { name: "audio", content: "", fileName: "a.wav", type: "audio/wav" };
  const form = multipart([image, audio]);
  const end = multipart([]).length + "\r\n".length;
  function* body() {
    yield form.subarray(0, -end);
    yield* wavOf(audioBytes);
    yield form.subarray(-end);
  }
  const headers = {
    ...FORM_TYPE,
    authorization: `Bearer ${TEST_KEY}`,
    "content-length": form.length + audioBytes,
  };
  const { status, body: answer } = await send("POST", `${api.url}/v1/jobs`, headers, body());
  expect([status, answer]).toEqual([202, expect.stringContaining('"queued"')]);
}

/** By how much the server's memory is higher at its peak than before. */
async function growthMb(what: string, work: () => Promise<unknown>): Promise<number> {
  forgetPeak();
  const before = memoryMb("VmRSS");
  await work();
  const growth = memoryMb("VmHWM") - before;
  console.log(`${what}: the server grew from ${before.toFixed(0)} MB by ${growth.toFixed(1)} MB`);
  return growth;
}

describe.skipIf(!hasProc).each(["disk", "s3"] as const)("S4: memory stays flat, on %s,", (store) => {
  test("while 300 MB come through a signed URL and are used in a job", { timeout: 300_000 }, async () => {
    await start(store);
    const image = await uploadImage();
    const use = async (bytes: number) => {
      const audio = await uploadAudio(bytes);
      expect((await api.rest("POST", "/v1/jobs", { image, audio })).status).toBe(202);
    };
    await use(5 * MB); // Loads what is loaded only once.
    expect(await growthMb(`${store}, 300 MB by URL`, () => use(300 * MB))).toBeLessThan(MAX_GROWTH_MB);
  });

  test("while 300 MB come in a form", { timeout: 300_000 }, async () => {
    await start(store);
    await submitForm(5 * MB);
    expect(await growthMb(`${store}, 300 MB in a form`, () => submitForm(300 * MB))).toBeLessThan(
      MAX_GROWTH_MB,
    );
    const forms = () => Promise.all(Array.from({ length: AT_ONCE }, () => submitForm(5 * MB)));
    expect(await growthMb(`${store}, ${AT_ONCE} forms of 5 MB at once`, forms)).toBeLessThan(MAX_GROWTH_MB);
  });
});
