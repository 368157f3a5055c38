import { expect, onTestFinished, vi } from "vitest";
import { type FakeRunPodOptions, simpleWorker, startFakeRunPod, type Work } from "../src/index.ts";

/** The stand-in with workers that do `work`, and what a customer calls. It ends with the test. */
export async function start(work: Work, options: Partial<FakeRunPodOptions> = {}) {
  const workers: ReturnType<typeof simpleWorker>[] = [];
  const runpod = await startFakeRunPod({
    startWorker(env) {
      const worker = simpleWorker(env, work);
      workers.push(worker);
      return worker;
    },
    idleTimeoutMs: 50,
    queueDelayMs: 0,
    ...options,
  });
  onTestFinished(runpod.stop);
  const { baseUrl, endpointId, apiKey } = runpod;
  const call = async (method: string, path: string, body?: unknown, key = apiKey) => {
    const answer = await fetch(`${baseUrl}/${endpointId}/${path}`, {
      method,
      headers: { authorization: `Bearer ${key}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await answer.text();
    return { status: answer.status, body: text ? JSON.parse(text) : undefined };
  };
  const run = async (input: unknown, more = {}) => (await call("POST", "run", { input, ...more })).body.id;
  const untilStatus = (id: string, status: string) =>
    vi.waitFor(
      async () => {
        const { body } = await call("GET", `status/${id}`);
        expect(body).toMatchObject({ id, status });
        return body;
      },
      { timeout: 20_000, interval: 10 },
    );
  return { runpod, workers, call, run, untilStatus };
}

/** Once every worker has stopped. */
export const idle = (runpod: { ledger: { isRunning: boolean } }) =>
  vi.waitFor(() => expect(runpod.ledger.isRunning).toBe(false), { timeout: 20_000, interval: 10 });

/** On a clock that only the test moves, and with workers that do nothing: the test takes and ends their jobs. */
export async function startStill(options: Partial<FakeRunPodOptions> = {}) {
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout", "performance"] });
  onTestFinished(() => void vi.useRealTimers());
  const started = await start(() => null, {
    startWorker() {
      const { promise: exited, resolve } = Promise.withResolvers<void>();
      return { exited, stop: resolve, kill: resolve };
    },
    idleTimeoutMs: 5000,
    queueDelayMs: 4000,
    ...options,
  });
  const { platform } = started.runpod;
  const workerIds = () => [...platform.workers.keys()];
  /** Time passes, and with it all that it sets off. */
  const pass = async (ms: number) => void (await vi.advanceTimersByTimeAsync(ms));
  const status = async (id: string) => {
    const { status, body } = await started.call("GET", `status/${id}`);
    return status === 200 ? body : status;
  };
  return { ...started, platform, workerIds, pass, status };
}
