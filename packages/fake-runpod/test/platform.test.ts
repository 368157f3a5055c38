import { expect, onTestFinished, test, vi } from "vitest";
import { startStill } from "./start.ts";

test("a job that runs for longer than its executionTimeout is TIMED_OUT, and its worker is to stop it", async () => {
  const { platform, run, workerIds, pass, status } = await startStill();
  const id = await run(1, { policy: { executionTimeout: 5000 } });
  await pass(0);
  const [worker = ""] = workerIds();
  platform.take(worker);
  await pass(4999);
  expect(await status(id)).toMatchObject({ status: "IN_PROGRESS" });
  expect(platform.takeStops(worker)).toBeUndefined();
  await pass(1);
  expect(await status(id)).toMatchObject({ status: "TIMED_OUT", executionTime: 5000 });
  expect(platform.takeStops(worker)).toEqual([id]);
});

test("a job whose ttl is over is not there any more, and one that runs is stopped at its worker", async () => {
  const { platform, run, workerIds, pass, status } = await startStill({ workersMax: 1 });
  const policy = { ttl: 10_000 };
  const [running, queued] = [await run(1, { policy }), await run(2, { policy })];
  await pass(0);
  const [worker = ""] = workerIds();
  platform.take(worker);
  await pass(9999);
  expect(await status(running)).toMatchObject({ status: "IN_PROGRESS" });
  expect(await status(queued)).toMatchObject({ status: "IN_QUEUE" });
  await pass(1);
  expect([await status(running), await status(queued)]).toEqual([404, 404]);
  expect(platform.takeStops(worker)).toEqual([running]);
  expect(platform.take(worker)).toBeUndefined();
});

test("a result can be asked for until its retention is over", async () => {
  const { platform, run, workerIds, pass, status } = await startStill();
  const id = await run(1);
  await pass(0);
  const [worker = ""] = workerIds();
  platform.take(worker);
  platform.finish(worker, id, { output: 1 });
  await pass(30 * 60_000 - 1);
  expect(await status(id)).toMatchObject({ status: "COMPLETED", output: 1 });
  await pass(1);
  expect(await status(id)).toBe(404);
});

test("limits that RunPod does not allow are refused", async () => {
  const { call } = await startStill();
  for (const policy of [{ ttl: 9999 }, { ttl: 604_800_001 }, { executionTimeout: 4999 }])
    expect((await call("POST", "run", { input: 1, policy })).status).toBe(400);
});

test("a cold start waits for the machine, which is not billed; the next job finds its worker warm, on the same bill", async () => {
  const { runpod, platform, run, workerIds, pass, status } = await startStill({ initializeMs: 60_000 });
  const cold = await run(1);
  await pass(59_999);
  expect(platform.health().workers).toMatchObject({ initializing: 1 });
  expect(runpod.ledger.bills).toEqual([]);
  await pass(1);
  const [worker = ""] = workerIds();
  platform.take(worker);
  await pass(3000);
  platform.finish(worker, cold, { output: 1 });
  expect(await status(cold)).toMatchObject({ delayTime: 60_000, executionTime: 3000, workerId: worker });

  const warm = await run(2);
  platform.take(worker);
  platform.finish(worker, warm, { output: 2 });
  expect(await status(warm)).toMatchObject({ delayTime: 0, workerId: worker });
  await pass(4999);
  expect(runpod.ledger.isRunning).toBe(true);
  await pass(1);
  expect(runpod.ledger.isRunning).toBe(false);
  expect(runpod.ledger.bills).toHaveLength(1);
  expect(runpod.ledger.seconds).toBe(3 + 5);

  await run(3);
  await pass(60_000);
  expect(workerIds()).toEqual([expect.not.stringMatching(worker)]);
  expect(runpod.ledger.bills).toHaveLength(2);
});

test("a job that waits for longer than the queue delay wakes another worker; a canceled one wakes nobody", async () => {
  const { platform, run, call, workerIds, pass } = await startStill();
  await run(1);
  await pass(0);
  platform.take(workerIds()[0] ?? "");
  const canceled = await run(2);
  await call("POST", `cancel/${canceled}`);
  await pass(4000);
  expect(workerIds()).toHaveLength(1);
  await run(3);
  await pass(3999);
  expect(workerIds()).toHaveLength(1);
  await pass(1);
  expect(workerIds()).toHaveLength(2);
});

test("another worker wakes also where the timer of the queue delay fires a little early", async () => {
  const { platform, run, workerIds, pass } = await startStill();
  await run(1);
  await pass(0);
  platform.take(workerIds()[0] ?? "");
  const clock = vi.spyOn(performance, "now").mockReturnValue(0);
  onTestFinished(() => clock.mockRestore());
  await run(2);
  clock.mockReturnValue(3999.5);
  await pass(4000);
  expect(workerIds()).toHaveLength(2);
});

test("a worker that is asked to stop may end its job, takes no other one, and is gone when its time is up", async () => {
  const { promise: exited, resolve: kill } = Promise.withResolvers<void>();
  const { platform, run, workerIds, pass, status } = await startStill({
    startWorker: () => ({ exited, stop() {}, kill }),
  });
  const [id] = [await run(1), await run(2)];
  await pass(0);
  const [worker = ""] = workerIds();
  platform.take(worker);
  platform.setWorkersMax(0);
  platform.finish(worker, id, { output: 1 });
  expect(await status(id)).toMatchObject({ status: "COMPLETED" });
  expect(platform.take(worker)).toBeUndefined();
  await pass(9999);
  expect(workerIds()).toEqual([worker]);
  await pass(1);
  expect(workerIds()).toEqual([]);
});
