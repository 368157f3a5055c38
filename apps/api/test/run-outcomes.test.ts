import { afterAll, beforeAll, beforeEach, expect, onTestFinished, test } from "vitest";
import { jobRow, loseRun, outcomesOf, queueJob, untilStatus } from "./support/queue.ts";
import { insertJob } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";

let api: TestApi;
beforeAll(async () => {
  // Leases are long, so that none runs out by itself.
  api = await startTestApi({ dispatcher: { leaseMs: 60_000, maxFailedRuns: 3, maxLostRuns: 2 } });
});
afterAll(() => api.stop());
beforeEach(() => {
  api.engine.scripts = [];
});

const never = new Promise<void>(() => {});
const MINUTE_MS = 60_000;
const past = () => new Date(Date.now() - MINUTE_MS);

/** Waits until the job is back in the queue after so many failed runs. @returns how long it has to wait there. */
async function untilRequeued(id: string, failedRuns: number): Promise<number> {
  const row = await until(`run ${failedRuns} has failed`, async () => {
    const outcomes = await outcomesOf(api.db, id);
    const job = await jobRow(api.db, id);
    const failed = outcomes.filter((outcome) => outcome === "failed");
    return failed.length === failedRuns && job.status === "queued" && job;
  });
  return row.runAfter.getTime() - row.updatedAt.getTime();
}

test("a run that fails for a passing reason is repeated after a growing pause, until the job succeeds", async () => {
  api.engine.scripts = [{ fail: "render_failed" }, { crash: "out of memory" }];
  const job = await queueJob(api);

  const firstPauseMs = await untilRequeued(job.id, 1);
  expect(firstPauseMs).toBeGreaterThanOrEqual(500);
  expect(firstPauseMs).toBeLessThan(1100);
  api.advance(1000);
  const secondPauseMs = await untilRequeued(job.id, 2);
  expect(secondPauseMs).toBeGreaterThanOrEqual(2000);
  expect(secondPauseMs).toBeLessThan(4100);
  api.advance(4000);

  await untilStatus(api.db, job.id, "succeeded");
  expect(await outcomesOf(api.db, job.id)).toEqual(["failed", "failed", "succeeded"]);
});

test("a job fails with its last run's reason after three failed runs", async () => {
  api.engine.scripts = [{ fail: "render_failed" }, { fail: "render_failed" }, { fail: "render_failed" }];
  const job = await queueJob(api);
  await untilRequeued(job.id, 1);
  api.advance(1000);
  await untilRequeued(job.id, 2);
  api.advance(4000);
  const failed = await untilStatus(api.db, job.id, "failed");
  expect(failed.error).toEqual({ code: "render_failed", detail: "Scripted: render_failed." });
  expect(await outcomesOf(api.db, job.id)).toEqual(["failed", "failed", "failed"]);
});

test("a run that fails on its input is not repeated", async () => {
  api.engine.scripts = [{ fail: "no_face" }];
  const job = await queueJob(api);
  const failed = await untilStatus(api.db, job.id, "failed");
  expect(failed.error).toEqual({ code: "no_face", detail: "Scripted: no_face." });
  expect(await outcomesOf(api.db, job.id)).toEqual(["failed"]);
});

test("what an engine says of its own trouble does not reach the customer", async () => {
  api.engine.scripts = Array(3).fill({ crash: "secret path /srv/models" });
  const job = await queueJob(api);
  await untilRequeued(job.id, 1);
  api.advance(1000);
  await untilRequeued(job.id, 2);
  api.advance(4000);
  const { error } = await untilStatus(api.db, job.id, "failed");
  expect(error?.code).toBe("render_failed");
  expect(error?.detail).not.toContain("secret");
});

test("a job whose runs are lost again and again fails with run_lost", async () => {
  api.engine.scripts = [{ hold: never }, { hold: never }];
  const job = await queueJob(api);
  for (const round of [1, 2]) {
    await until(`run ${round} is at work`, async () => {
      const { status } = await jobRow(api.db, job.id);
      return status === "running" && (await outcomesOf(api.db, job.id)).length === round;
    });
    await loseRun(api.db, job.id);
  }
  const failed = await untilStatus(api.db, job.id, "failed");
  expect(failed.error?.code).toBe("run_lost");
  expect(await outcomesOf(api.db, job.id)).toEqual(["lost", "lost"]);
  await until("both runs are stopped", () => api.engine.stopped.length >= 2);
});

test.each([
  ["queued", "queue_timeout"],
  ["starting", "start_timeout"],
  ["running", "run_timeout"],
] as const)("a job that is %s past its deadline fails with %s", async (status, code) => {
  const job = await insertJob(api, { status, deadlineAt: past() });
  const failed = await untilStatus(api.db, job.id, "failed");
  expect(failed.error?.code).toBe(code);
  expect(failed.finishedAt).not.toBeNull();
});

test("a run that outlives its deadline is stopped", async () => {
  api.engine.scripts = [{ hold: never }];
  const job = await queueJob(api);
  const { runId } = await untilStatus(api.db, job.id, "running");
  api.advance(10 * MINUTE_MS);
  const failed = await untilStatus(api.db, job.id, "failed");
  expect(failed.error?.code).toBe("run_timeout");
  await until("the run is stopped", () => api.engine.stopped.includes(runId ?? ""));
  await until("the run has ended", async () => (await outcomesOf(api.db, job.id))[0] === "abandoned");
});

test("an overdue job is not started, even where a slot is free", async () => {
  const job = await queueJob(api, { deadlineAt: past() });
  await untilStatus(api.db, job.id, "failed");
  expect(await outcomesOf(api.db, job.id)).toEqual([]);
});

test("progress gives a run no more time than it had", async () => {
  let report = (_fraction: number): void => {};
  const other = await startTestApi({
    createEngine: () => ({
      name: "slow",
      isRemote: false,
      stop: async () => {},
      render(_run, { signal, onProgress }) {
        report = onProgress;
        onProgress(0.1);
        return new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    }),
  });
  onTestFinished(() => other.stop());
  const { id } = await queueJob(other);
  const { deadlineAt } = await untilStatus(other.db, id, "running");
  other.advance(MINUTE_MS);
  report(0.6);
  const later = await until("it goes on", async () => {
    const job = await jobRow(other.db, id);
    return job.progress > 0.5 && job;
  });
  expect(later.deadlineAt).toEqual(deadlineAt);
});
