import {
  type FakeRunPod,
  type FakeRunPodOptions,
  type Job,
  simpleWorker,
  startFakeRunPod,
  startPythonWorker,
  type Work,
} from "@avatar/fake-runpod";
import { expect, onTestFinished } from "vitest";
import { aVideo } from "../media/a-video.ts";
import { PORTRAIT } from "./fixtures.ts";
import { freePort } from "./postgres-server.ts";
import { uploadFile } from "./rest.ts";
import { shortSpeech } from "./short-speech.ts";
import { startTestApi, type TestApi, type TestApiOptions } from "./test-api.ts";
import { createTestDatabase, type TestDatabase } from "./test-database.ts";

export interface RunPodApi {
  runpod: FakeRunPod;
  api: TestApi;
  database: TestDatabase;
  /** What the workers wrote. */
  workerOutput: () => string;
  /** Another replica, or the same one after its end. */
  startAnother(options?: TestApiOptions): Promise<TestApi>;
}

interface Options {
  database?: TestDatabase;
  /** Arguments of the worker's StubEngine. */
  stub?: Record<string, unknown>;
  runpod?: Partial<FakeRunPodOptions>;
  api?: TestApiOptions;
}

/** The API, RunPod's stand-in, and as many real workers as there is work for. All of it ends with the test. */
export async function startRunPodApi(options: Options = {}): Promise<RunPodApi> {
  const { database = await createTestDatabase() } = options;
  const port = await freePort();
  const hosts = [`127.0.0.1:${port}`, ...(database.r2 ? [new URL(database.r2.endpoint).host] : [])];
  let output = "";
  const runpod = await startFakeRunPod({
    startWorker: (env) =>
      startPythonWorker({ ...env, ALLOWED_HOSTS: hosts.join(",") }, options.stub ?? {}, (text) => {
        output += text;
      }),
    idleTimeoutMs: 2000,
    webhookRetryMs: 100,
    ...options.runpod,
  });
  const { apiKey, endpointId, baseUrl } = runpod;
  const startAnother = async (more: TestApiOptions = {}) => {
    const api = await startTestApi({
      database,
      runpod: { pollMs: 200 },
      ...options.api,
      ...more,
      config: { port, runpod: { apiKey, endpointId, baseUrl }, ...options.api?.config, ...more.config },
    });
    running.add(api);
    return api;
  };
  const running = new Set<TestApi>();
  onTestFinished(async () => {
    for (const api of running) await api.stop();
    await runpod.stop();
    await database.remove();
  });
  return { runpod, api: await startAnother(), database, workerOutput: () => output, startAnother };
}

/** A job of a portrait and a recording. @returns its id */
export async function generate({ rest }: Pick<TestApi, "rest">, seconds = 0.6): Promise<string> {
  const image = await uploadFile(rest, "image/png", PORTRAIT);
  const audio = await uploadFile(rest, "audio/wav", shortSpeech(seconds));
  const { status, body } = await rest("POST", "/v1/jobs", { image, audio, aspect: "16:9" });
  expect(status).toBe(202);
  return body.id;
}

/** Workers that do what they are told, without a process. */
export const workersThat = (work: Work): Partial<FakeRunPodOptions> => ({
  startWorker: (env) => simpleWorker(env, work),
  queueDelayMs: 0,
});

interface Link {
  url: string;
  headers?: Record<string, string>;
}

/** What a worker is told of a run. */
export interface RunInput {
  runId: string;
  audioSeconds: number;
  image: Link;
  audio: Link;
  claim: { put: Link; get: Link };
  video: Link;
}

export const inputOf = (job: Job | undefined) => job?.input as RunInput;

const put = async ({ url, headers = {} }: Link, body: Uint8Array) =>
  (await fetch(url, { method: "PUT", headers, body: new Uint8Array(body) })).status;

/** As a worker does it first of all. @returns whether it has the run */
export const claimRun = async ({ claim }: RunInput, runpodJobId: string): Promise<boolean> =>
  (await put(claim.put, Buffer.from(JSON.stringify({ runpodJobId })))) === 200;

/** As a worker does it last of all. */
export async function uploadVideo({ video, audioSeconds }: RunInput): Promise<void> {
  expect(await put(video, aVideo({ seconds: audioSeconds }))).toBe(200);
}
