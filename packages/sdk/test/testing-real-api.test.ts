import { readFile } from "node:fs/promises";
import { createTestDatabase, type Script as EngineScript, startTestApi } from "@avatar/api/testing";
import { expect, test } from "vitest";
import { Avatar } from "../src/index.ts";
import { fakeAvatar, type Script } from "../src/testing.ts";
import { createRecorder, type Exchange } from "./support/recorder.ts";
import { createFakeClock } from "./support/use-fake-api.ts";

const media = (name: string) => readFile(new URL(`../../../examples/media/${name}`, import.meta.url));

/** The fake and the real API, told alike what is to come of the next job. */
interface Subject {
  apiKey: string;
  baseUrl: string;
  send: (url: string, init: RequestInit) => Promise<Response>;
  /** Of the next job. */
  plan(real: EngineScript | undefined, fake: Script): void;
}

/** Those fields of all answers that are used here. */
interface Answer {
  id: string;
  status: string;
  url: string;
  headers: Record<string, string>;
  parts: { url: string; headers: Record<string, string> }[];
}

/** One customer's day: everything that the client does, and whatever it can be refused. */
async function drive({ apiKey, baseUrl, send, plan }: Subject): Promise<Exchange[]> {
  const recorder = createRecorder(send);
  const avatar = new Avatar({
    apiKey,
    baseUrl,
    fetch: recorder.fetch,
    retry: false,
    clock: createFakeClock(),
  });
  const headers = { authorization: `Bearer ${apiKey}` };
  const call = async (method: string, path: string, body?: unknown, more = {}) => {
    const json = { "content-type": "application/json", ...headers, ...more };
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const init = body === undefined ? { headers: { ...headers, ...more } } : { headers: json, body: text };
    const response = await recorder.fetch(baseUrl + path, { method, ...init });
    return (await response.json()) as Answer;
  };
  /** Until the job is in a state; the answers on the way differ in number and do not count. */
  const reach = async (id: string, status: string) => {
    const from = recorder.exchanges.length;
    for (;;) {
      const job = await call("GET", `/v1/jobs/${id}`);
      if (job.status === status) break;
    }
    recorder.exchanges.splice(from, recorder.exchanges.length - from - 1);
  };

  await call("GET", "/v1/limits");
  await call("GET", "/v1/keys/current");
  const upload = async () => ({
    image: (await avatar.upload(await media("portrait.png"))).id,
    audio: (await avatar.upload(await media("speech-3s.wav"))).id,
  });
  let input = await upload();
  await call("POST", "/v1/estimate", input);

  // Before a job has succeeded, nothing is told of how long the next one may take.
  plan({ hold: new Promise(() => {}) }, [{ status: "queued" }, { status: "running", progress: 0 }]);
  const running = await avatar.jobs.create({ ...input, prompt: "nods", metadata: { order: "7" } });
  await reach(running.id, "running");
  await call("GET", `/v1/jobs/${running.id}/result`);
  plan(undefined, [{ status: "queued" }, { status: "queued" }]); // The engine never sees it.
  const queued = await avatar.jobs.create(input);
  await call("GET", `/v1/jobs/${queued.id}`);
  await avatar.jobs.cancel(queued.id);
  await avatar.jobs.cancel(queued.id);
  await avatar.jobs.cancel(running.id);
  await call("GET", `/v1/jobs/${queued.id}/result`);
  await avatar.jobs.delete(queued.id);
  await call("POST", "/v1/jobs", input);
  input = await upload();

  plan({ fail: "no_face" }, "no_face");
  const failed = await avatar.jobs.create(input);
  await reach(failed.id, "failed");
  await call("GET", `/v1/jobs/${failed.id}/result`);

  const keyed = { "idempotency-key": "order-7" };
  plan("succeed", [{ status: "queued" }, { status: "succeeded" }]);
  const made = await call("POST", "/v1/jobs", input, keyed);
  await reach(made.id, "succeeded");
  await call("POST", "/v1/jobs", input, keyed);
  await call("POST", "/v1/jobs", { ...input, seed: 1 }, keyed);
  const { url } = await call("GET", `/v1/jobs/${made.id}/result`);
  await recorder.fetch(url, { method: "GET" });
  await recorder.fetch(url, { method: "GET", headers: { range: "bytes=5-9" } });
  await recorder.fetch(url, { method: "GET", headers: { range: "bytes=999999999-" } });
  await recorder.fetch(`${url}0`, { method: "GET" });
  await avatar.jobs.list({ limit: 2 });
  await avatar.jobs.list({ status: "failed" });
  await avatar.jobs.delete(made.id);
  await call("GET", `/v1/jobs/${made.id}/result`);
  await call("GET", "/v1/usage");
  input = await upload();

  const declared = { contentType: "image/png", bytes: 4 };
  const single = await call("POST", "/v1/uploads", declared);
  await call("POST", "/v1/jobs", { ...input, image: single.id });
  const put = (body: string, headers = single.headers, to = single.url) =>
    recorder.fetch(to, { method: "PUT", headers, body });
  for (const body of ["abc", "abcde", "abcd", "abcd"]) await put(body);
  await put("abcd", { "content-type": "image/jpeg", "if-none-match": "*" });
  await put("abcd", { "content-type": "image/png" });
  const hashed = await call("POST", "/v1/uploads", { ...declared, sha256: "0".repeat(64) });
  await put("abcd", hashed.headers, hashed.url);
  const parted = await call("POST", "/v1/uploads", { ...declared, inParts: true });
  for (const part of parted.parts) await put("abcd", part.headers, part.url);

  for (const [method, path, body] of REFUSED(input)) await call(method, path, body);
  await call("GET", "/v1/jobs", undefined, { authorization: "Bearer no_key" });
  await call("GET", "/v1/jobs", undefined, { authorization: "" });
  return recorder.exchanges;
}

const REFUSED = (input: { image: string; audio: string }): [string, string, unknown?][] => [
  ["GET", "/v1/nothing"],
  ["GET", "/v1/jobs/job_none"],
  ["GET", "/v1/jobs/job_none/result"],
  ["POST", "/v1/jobs/job_none/cancel"],
  ["DELETE", "/v1/jobs/job_none"],
  ["GET", "/v1/jobs/job_none?wait=31"],
  ["GET", "/v1/jobs/job_none?wait=soon"],
  ["GET", "/v1/jobs/job_none?after=-1"],
  ["GET", "/v1/jobs?limit=0"],
  ["GET", "/v1/jobs?limit=101"],
  ["GET", "/v1/jobs?status=done"],
  ["GET", "/v1/jobs?colour=red"],
  ["POST", "/v1/jobs", "{"],
  ["POST", "/v1/jobs", {}],
  ["POST", "/v1/jobs", { ...input, image: "upload_none" }],
  ["POST", "/v1/jobs", { ...input, image: "" }],
  ["POST", "/v1/jobs", { ...input, colour: "red" }],
  ["POST", "/v1/jobs", { ...input, seed: -1, colour: "red" }],
  ["POST", "/v1/jobs", { ...input, seed: 1.5 }],
  ["POST", "/v1/jobs", { ...input, aspect: "3:2", fit: "stretch" }],
  ["POST", "/v1/jobs", { ...input, prompt: "" }],
  ["POST", "/v1/jobs", { ...input, ttlSeconds: 59 }],
  ["POST", "/v1/jobs", { ...input, ttlSeconds: 999_999 }],
  ["POST", "/v1/jobs", { ...input, test: { failWith: "no_face" } }],
  ["POST", "/v1/estimate", { ...input, audio: "upload_none" }],
  ["POST", "/v1/uploads", { contentType: "image/png", bytes: 0 }],
  ["POST", "/v1/uploads", { contentType: "image/png", bytes: 30_000_000 }],
  ["POST", "/v1/uploads", { contentType: "audio/wav", bytes: 300_000_000 }],
  ["POST", "/v1/uploads", { contentType: "text/html", bytes: 1 }],
  ["POST", "/v1/uploads", { contentType: "image/png", bytes: 1, sha256: "x" }],
  ["POST", "/v1/uploads", { contentType: "image/png" }],
];

test("the fake answers as the API does: the same statuses, fields, codes, hints and paths", async () => {
  const database = await createTestDatabase("pglite", "disk");
  const api = await startTestApi({ database, config: { maxRunsInFlight: 1 } });
  const real = await drive({
    apiKey: api.apiKey,
    baseUrl: api.url,
    send: fetch,
    plan: (script) => void api.engine.scripts.push(...(script ? [script] : [])),
  });
  await api.stop();
  await database.remove();

  const scripts: Script[] = [];
  const fake = fakeAvatar({ script: () => scripts.shift() });
  const faked = await drive({
    apiKey: fake.apiKey.replace("test", "live"),
    baseUrl: fake.baseUrl,
    send: fake.fetch,
    plan: (_, script) => void scripts.push(script),
  });

  expect(faked).toEqual(real);
});
