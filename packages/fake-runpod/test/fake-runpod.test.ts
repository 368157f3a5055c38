import { expect, test, vi } from "vitest";
import { hasPythonWorker, startPythonWorker } from "../src/index.ts";
import { idle, start } from "./start.ts";

test("a job wakes a worker, ends with its output, and the worker is billed until it stops", async () => {
  const { runpod, run, untilStatus, call } = await start((input) => ({ output: { got: input } }));
  expect(runpod.ledger.bills).toEqual([]);
  const ended = await untilStatus(await run({ a: 1 }), "COMPLETED");
  expect(ended).toMatchObject({ output: { got: { a: 1 } }, delayTime: expect.any(Number) });
  await idle(runpod);
  expect(runpod.ledger.bills).toEqual([
    { workerId: ended.workerId, wokeAtMs: expect.any(Number), stoppedAtMs: expect.any(Number) },
  ]);
  expect((await call("GET", "health")).body).toMatchObject({
    jobs: { completed: 1, inQueue: 0 },
    workers: { idle: 0, running: 0 },
  });
});

test("jobs at once wake as many workers as there may be, and no more", async () => {
  const { promise: bothTaken, resolve } = Promise.withResolvers<void>();
  const { runpod, run, untilStatus } = await start(() => bothTaken.then(() => ({ output: {} })), {
    workersMax: 2,
    idleTimeoutMs: 3_600_000,
  });
  runpod.platform.on("taken", () => {
    if (runpod.platform.health().jobs.inProgress === 2) resolve();
  });
  const ids = await Promise.all([1, 2, 3, 4].map((input) => run(input)));
  for (const id of ids) await untilStatus(id, "COMPLETED");
  expect(runpod.ledger.bills).toHaveLength(2);
});

test("a job that is canceled in the queue is never given to a worker; one that runs is stopped at its worker", async () => {
  const { runpod, run, call, untilStatus, workers } = await start(() => null, {
    workersMax: 1,
    idleTimeoutMs: 3_600_000,
  });
  const running = await run(1);
  await untilStatus(running, "IN_PROGRESS");
  const queued = await run(2);
  const next = await run(3);
  expect((await call("POST", `cancel/${queued}`)).body).toEqual({ id: queued, status: "CANCELLED" });
  await call("POST", `cancel/${running}`);
  await untilStatus(running, "CANCELLED");
  await vi.waitFor(() => expect(workers[0]?.stopped).toEqual([running]), { timeout: 20_000 });
  await untilStatus(next, "IN_PROGRESS");
  expect(runpod.platform.jobs.get(queued)).toMatchObject({ status: "CANCELLED", deliveries: 0 });
  expect(runpod.ledger.bills).toHaveLength(1);
  expect((await call("POST", "cancel/none")).status).toBe(404);
});

test("a job that fails passes its error on, and its worker is refreshed where it asks for that", async () => {
  const { runpod, run, untilStatus } = await start(() => ({ error: "it broke", stopPod: true }), {
    idleTimeoutMs: 3_600_000,
  });
  expect(await untilStatus(await run(1), "FAILED")).toMatchObject({ error: "it broke" });
  await idle(runpod);
});

test("progress is the output of a job that runs, until its result is", async () => {
  const { runpod, run, call } = await start(() => ({ status: "IN_PROGRESS", output: { percent: 40 } }));
  const id = await run(1);
  const status = async () => (await call("GET", `status/${id}`)).body;
  const { workerId } = await vi.waitFor(
    async () => {
      const body = await status();
      expect(body).toMatchObject({ status: "IN_PROGRESS", output: { percent: 40 } });
      return body;
    },
    { timeout: 20_000, interval: 10 },
  );
  runpod.platform.finish(workerId, id, { output: "done" });
  expect(await status()).toMatchObject({ status: "COMPLETED", output: "done" });
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
  await vi.waitFor(() => expect(runpod.platform.health().workers).toMatchObject({ unhealthy: 1 }), {
    timeout: 20_000,
  });
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
