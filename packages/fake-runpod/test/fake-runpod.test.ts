import { createServer } from "node:http";
import { expect, onTestFinished, test, vi } from "vitest";
import { type FakeRunPodOptions, hasPythonWorker, startFakeRunPod, startPythonWorker } from "../src/index.ts";
import { simpleWorker, type Work } from "../src/simple-worker.ts";

async function start(work: Work, options: Partial<FakeRunPodOptions> = {}) {
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

const idle = (runpod: { ledger: { isRunning: boolean } }) =>
  vi.waitFor(() => expect(runpod.ledger.isRunning).toBe(false), { timeout: 20_000, interval: 10 });

test("a job wakes a worker, ends with its output, and the worker is billed until it stops", async () => {
  const { runpod, run, untilStatus, call } = await start((input) => ({ output: { got: input } }));
  expect(runpod.ledger.bills).toEqual([]);
  const ended = await untilStatus(await run({ a: 1 }), "COMPLETED");
  expect(ended).toMatchObject({ output: { got: { a: 1 } }, delayTime: expect.any(Number) });
  await idle(runpod);
  expect(runpod.ledger.bills).toHaveLength(1);
  expect(runpod.ledger.seconds).toBe(1);
  expect((await call("GET", "health")).body).toMatchObject({
    jobs: { completed: 1, inQueue: 0 },
    workers: { idle: 0, running: 0 },
  });
});

test("two jobs at once wake two workers, and no more than there may be", async () => {
  const { runpod, run, untilStatus } = await start(() => ({ output: {} }), { workersMax: 2 });
  const ids = await Promise.all([1, 2, 3, 4].map((input) => run(input)));
  for (const id of ids) await untilStatus(id, "COMPLETED");
  expect(runpod.ledger.bills.length).toBeLessThanOrEqual(2);
});

test("a job that is canceled in the queue wakes nobody; one that runs is stopped at its worker", async () => {
  const { runpod, run, call, untilStatus, workers } = await start(() => null, { workersMax: 0 });
  const queued = await run(1);
  expect((await call("POST", `cancel/${queued}`)).body).toEqual({ id: queued, status: "CANCELLED" });
  runpod.platform.setWorkersMax(1);
  const running = await run(2);
  await untilStatus(running, "IN_PROGRESS");
  await call("POST", `cancel/${running}`);
  await untilStatus(running, "CANCELLED");
  await vi.waitFor(() => expect(workers[0]?.stopped).toEqual([running]));
  expect(runpod.ledger.bills).toHaveLength(1);
  expect((await call("POST", "cancel/none")).status).toBe(404);
});

test("a job whose worker dies goes to another one, or fails", async () => {
  let dies = true;
  const { runpod, run, untilStatus } = await start(() => (dies ? null : { output: "second" }));
  runpod.platform.on("taken", (job) => {
    if (dies) runpod.platform.killWorker(job.workerId ?? "");
    dies = false;
  });
  expect(await untilStatus(await run(1), "COMPLETED")).toMatchObject({ output: "second" });
  expect(runpod.platform.health().jobs.retried).toBe(1);

  const other = await start(() => null, { whenWorkerDies: "fail" });
  other.runpod.platform.on("taken", (job) => other.runpod.platform.killWorker(job.workerId ?? ""));
  await other.untilStatus(await other.run(1), "FAILED");
});

test("errors, refreshes and progress are passed on", async () => {
  const { runpod, run, untilStatus } = await start(() => ({ error: "it broke", stopPod: true }), {
    idleTimeoutMs: 3_600_000,
  });
  expect(await untilStatus(await run(1), "FAILED")).toMatchObject({ error: "it broke" });
  await idle(runpod);
});

test("results are forgotten, and time limits end jobs", async () => {
  const { run, call, untilStatus } = await start(() => ({ output: 1 }), { retentionMs: 200 });
  const id = await run(1);
  await untilStatus(id, "COMPLETED");
  await vi.waitFor(async () => expect((await call("GET", `status/${id}`)).status).toBe(404));
  expect((await call("POST", "run", { input: 1, policy: { ttl: 1 } })).status).toBe(400);
});

test("webhooks are tried three times until they are answered with 200", async () => {
  const answers = [500, 404, 200];
  const got: unknown[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    got.push(JSON.parse(Buffer.concat(chunks).toString()));
    response.writeHead(answers.shift() ?? 200).end();
  }).listen(0, "127.0.0.1");
  onTestFinished(() => void server.close());
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  const port = typeof address === "object" ? address?.port : 0;
  const { runpod, run } = await start(() => ({ output: 1 }), { webhookRetryMs: 1 });
  const id = await run(1, { webhook: `http://127.0.0.1:${port}/` });
  await vi.waitFor(() => expect(runpod.webhooks.map(({ status }) => status)).toEqual([500, 404, 200]));
  expect(got).toEqual(Array(3).fill(expect.objectContaining({ id, status: "COMPLETED", output: 1 })));
});

test("keys, rates and faults", async () => {
  const { runpod, call } = await start(() => ({ output: 1 }), { rateLimits: { health: 3 } });
  expect((await call("GET", "health", undefined, "wrong")).status).toBe(401);
  const faults = ["garbage", "reset", "reset after", { status: 500 }] as const;
  for (const fault of faults) {
    runpod.faults = (operation) => (operation === "run" ? fault : undefined);
    const answer = await call("POST", "run", { input: 1 }).catch(() => "no answer");
    expect(answer).toEqual(typeof fault === "object" ? { status: 500, body: {} } : "no answer");
  }
  // Those that were cut off before they were read, and refused, are not there.
  expect(runpod.platform.jobs.size).toBe(2);
  const statuses = [];
  for (let count = 0; count < 4; count++) statuses.push((await call("GET", "health")).status);
  expect(statuses).toEqual([200, 200, 200, 429]);
  expect((await call("GET", "nothing")).status).toBe(404);
});

test("throttled and crashing workers are seen in the health", async () => {
  const { runpod, run } = await start(() => ({ output: 1 }), {
    startWorker: () => ({ exited: Promise.resolve(), stop() {}, kill() {} }),
    workersMax: 1,
  });
  runpod.platform.throttle(true);
  await run(1);
  expect(runpod.platform.health().workers).toMatchObject({ throttled: 1, initializing: 0 });
  runpod.platform.throttle(false);
  await vi.waitFor(() => expect(runpod.platform.health().workers).toMatchObject({ unhealthy: 1 }));
});

test.runIf(hasPythonWorker())(
  "the real worker takes a job under RunPod's SDK, and is stopped in good order",
  async () => {
    let output = "";
    const { runpod, run, untilStatus } = await start(() => null, {
      startWorker: (env) =>
        startPythonWorker({ ...env, ALLOWED_HOSTS: "127.0.0.1:1" }, {}, (text) => {
          output += text;
        }),
      idleTimeoutMs: 500,
    });
    const { output: info } = await untilStatus(await run({ v: 1, op: "info" }), "COMPLETED");
    expect(info).toMatchObject({ op: "info", engine: "stub" });
    await idle(runpod);
    expect(output).toContain("the worker ends");
  },
);
