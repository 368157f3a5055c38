import {
  type FakeRunPod,
  type FakeRunPodOptions,
  startFakeRunPod,
  startPythonWorker,
} from "@avatar/fake-runpod";
import { onTestFinished } from "vitest";
import { freePort } from "./postgres-server.ts";
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
