import { hasPythonWorker, type Job } from "@avatar/fake-runpod";
import { describe, expect, test } from "vitest";
import { type ObjectStore, StorageUnavailable } from "../../src/storage/object-store.ts";
import { jobRow, outcomesOf, runsOf, untilStatus } from "../support/queue.ts";
import { generate, inputOf, startRunPodApi } from "../support/runpod.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { until } from "../support/until.ts";

const LONG = 120_000;
/** Slow enough to be caught in the middle. */
const SLOW = { step_seconds: 1.5 };

const completed = (all: Iterable<Job>) => [...all].filter((job) => job.status === "COMPLETED");

describe.runIf(hasPythonWorker())("on RunPod, with the real worker", () => {
  test(
    "a job is rendered, billed once, and the worker goes away",
    async () => {
      const { runpod, api } = await startRunPodApi();
      const id = await generate(api);
      const job = await untilStatus(api.db, id, "succeeded");
      expect([job.videoWidth, job.videoHeight]).toEqual([1280, 720]);
      expect(job.cold).toBe(true);
      expect(job.billedSeconds).toBeGreaterThan(0);
      expect(job.costUsd).toBeCloseTo(job.billedSeconds * 0.00053);
      await until("the webhook is answered", () => runpod.webhooks.length > 0);
      expect(runpod.webhooks).toEqual([{ jobId: expect.any(String), status: 200 }]);
      await until("all workers are gone", () => !runpod.ledger.isRunning);
      expect(runpod.ledger.bills).toHaveLength(1);
      expect(await api.metrics("avatar_runs_total", "avatar_gpu_seconds_total")).toEqual(
        expect.arrayContaining([
          'avatar_runs_total{engine="runpod",mode="live",outcome="succeeded",code=""} 1',
          `avatar_gpu_seconds_total{engine="runpod"} ${job.billedSeconds}`,
        ]),
      );
      expect(await runsOf(api.db, id)).toMatchObject([
        { outcome: "succeeded", externalId: expect.any(String) },
      ]);
    },
    LONG,
  );

  test(
    "a job that is canceled in mid-run is stopped at RunPod, and the same worker takes the next",
    async () => {
      const { runpod, api, database } = await startRunPodApi({ stub: SLOW, runpod: { workersMax: 1 } });
      const id = await generate(api);
      await untilStatus(api.db, id, "running");
      await api.rest("POST", `/v1/jobs/${id}/cancel`);
      await until("RunPod canceled it", () => [...runpod.platform.jobs.values()][0]?.status === "CANCELLED");
      await until("the run is over", async () => (await outcomesOf(api.db, id))[0] === "abandoned");
      expect((await jobRow(api.db, id)).billedSeconds, "what was done is billed").toBeGreaterThan(0);
      const next = await untilStatus(api.db, await generate(api), "succeeded");
      expect(runpod.ledger.bills).toHaveLength(1);
      expect(await database.objects("videos/"), "nothing of the first").toEqual([next.videoKey]);
    },
    LONG,
  );

  test(
    "F2: a worker whose claim is stored but not answered has the run, and renders it once",
    async () => {
      const database = await createTestDatabase("postgres", "s3");
      const { runpod, api } = await startRunPodApi({ database });
      let lost = 0;
      database.s3?.faults.when(({ method, key }) =>
        method === "PUT" && key.startsWith("claims/") && lost++ === 0 ? "reset after" : undefined,
      );
      const id = await generate(api);
      await untilStatus(api.db, id, "succeeded");
      expect(lost).toBeGreaterThan(0);
      expect(await outcomesOf(api.db, id)).toEqual(["succeeded"]);
      expect(runpod.platform.jobs.size).toBe(1);
    },
    LONG,
  );

  test(
    "F2: a worker that is killed after its claim costs a second run, and no more",
    async () => {
      const { runpod, api } = await startRunPodApi({ stub: SLOW });
      runpod.platform.once("progress", (job: Job) => runpod.platform.killWorker(job.workerId ?? ""));
      const id = await generate(api);
      await untilStatus(api.db, id, "succeeded");
      expect(await outcomesOf(api.db, id)).toEqual(["failed", "succeeded"]);
      const [first, second] = [...runpod.platform.jobs.values()].map(inputOf);
      expect(second?.runId).not.toBe(first?.runId);
      expect(second?.video.url).not.toBe(first?.video.url);
      expect(second?.claim.put.url).not.toBe(first?.claim.put.url);
      expect(completed(runpod.platform.jobs.values())).toHaveLength(1);
    },
    LONG,
  );

  test(
    "F2: a worker that is killed before its claim costs no second run",
    async () => {
      const { runpod, api } = await startRunPodApi();
      runpod.platform.once("taken", (job: Job) => runpod.platform.killWorker(job.workerId ?? ""));
      const id = await generate(api);
      await untilStatus(api.db, id, "succeeded");
      expect(await outcomesOf(api.db, id)).toEqual(["succeeded"]);
      expect(completed(runpod.platform.jobs.values())).toHaveLength(1);
    },
    LONG,
  );

  test(
    "F1, F2, F3: a server that stops leaves its runs to the next, and nothing is rendered twice",
    async () => {
      const { runpod, api, startAnother } = await startRunPodApi({ stub: SLOW });
      const id = await generate(api);
      await untilStatus(api.db, id, "running");
      await api.stop();
      const next = await startAnother();
      await untilStatus(next.db, id, "succeeded");
      expect(await outcomesOf(next.db, id)).toEqual(["succeeded"]);
      expect(runpod.platform.jobs.size).toBe(1);
    },
    LONG,
  );

  test(
    "F5: a run whose submission was not answered is rendered once",
    async () => {
      const { runpod, api } = await startRunPodApi();
      let lost = 0;
      runpod.faults = (operation) => (operation === "run" && lost++ === 0 ? "reset after" : undefined);
      const id = await generate(api);
      await untilStatus(api.db, id, "succeeded");
      expect(completed(runpod.platform.jobs.values())).toHaveLength(1);
      const [first] = [...runpod.platform.jobs.values()];
      expect(first?.error ?? "").toContain("run_already_claimed");
    },
    LONG,
  );

  test(
    "F2: a store that is away when the video is looked at costs no second run",
    async () => {
      let failures = 2;
      const wrapStore = <S extends ObjectStore>(store: S): S => ({
        ...store,
        async head(key: string) {
          if (key.startsWith("videos/") && failures-- > 0) throw new StorageUnavailable("away");
          return store.head(key);
        },
      });
      const { runpod, api } = await startRunPodApi({ api: { wrapStore } });
      const id = await generate(api);
      await untilStatus(api.db, id, "succeeded");
      expect(failures).toBeLessThan(0);
      expect(runpod.platform.jobs.size).toBe(1);
      expect(await outcomesOf(api.db, id)).toEqual(["succeeded"]);
    },
    LONG,
  );

  test(
    "F5: storms of 429, 500, garbage, resets and slow answers end in a video",
    async () => {
      const { runpod, api } = await startRunPodApi();
      let count = 0;
      const faults = [
        { status: 429 },
        { status: 500 },
        "garbage",
        "reset",
        { delayMs: 1000 },
        undefined,
      ] as const;
      runpod.faults = (operation) =>
        ["status", "health"].includes(operation) || (operation === "run" && count < 5)
          ? operation === "run"
            ? [{ status: 429 }, { status: 429 }, { status: 429 }, "reset" as const, { status: 502 }][count++]
            : faults[count++ % faults.length]
          : undefined;
      const id = await generate(api);
      await untilStatus(api.db, id, "succeeded");
      // The video may be found in the store before the worker has said that it is done.
      await until("the worker is done", () => completed(runpod.platform.jobs.values()).length === 1);
      expect(runpod.requests.filter((operation) => operation === "run").length).toBeLessThan(10);
    },
    LONG,
  );

  test(
    "F5: answers that take half a minute are not waited for, and end in one video",
    async () => {
      const { runpod, api } = await startRunPodApi({ api: { runpod: { pollMs: 200, answerMs: 300 } } });
      const slow = new Set(["run", "status", "health"]);
      runpod.faults = (operation) => (slow.delete(operation) ? { delayMs: 30_000 } : undefined);
      await untilStatus(api.db, await generate(api), "succeeded");
      expect(completed(runpod.platform.jobs.values())).toHaveLength(1);
    },
    LONG,
  );

  test(
    "F6: webhooks that are lost, repeated or forged change nothing",
    async () => {
      const { runpod, api } = await startRunPodApi();
      runpod.webhookFaults = () => ({ times: 0 });
      await untilStatus(api.db, await generate(api), "succeeded");
      expect(runpod.webhooks).toEqual([]);

      runpod.webhookFaults = () => ({ times: 100 });
      const id = await generate(api);
      const done = await untilStatus(api.db, id, "succeeded");
      await until("all webhooks are answered", () => runpod.webhooks.length >= 100);
      expect(new Set(runpod.webhooks.map(({ status }) => status))).toEqual(new Set([200]));
      const [run] = await runsOf(api.db, id);
      for (const token of ["", "?token=0", `?token=${"0".repeat(64)}`, "?token=a&token=b"]) {
        const url = `${api.url}/webhooks/runpod/${id}/${run?.id}${token}`;
        const answer = await fetch(url, {
          method: "POST",
          body: JSON.stringify({ id: "x", status: "FAILED" }),
        });
        expect(answer.status).toBe(401);
      }
      const other = [...runpod.platform.jobs.values()].find((job) => inputOf(job).runId !== run?.id);
      const stolen = new URL(other?.webhook ?? "").search;
      const answer = await fetch(`${api.url}/webhooks/runpod/${id}/${run?.id}${stolen}`, { method: "POST" });
      expect(answer.status, "the token of another run").toBe(401);
      expect(await jobRow(api.db, id)).toEqual(done);
      expect(api.logs.join("")).not.toMatch(/token=[0-9a-f]{64}|X-Amz-Signature|signature=/);
    },
    LONG,
  );

  test(
    "F6: webhooks that come late and in another order change nothing",
    async () => {
      const { runpod, api } = await startRunPodApi();
      let ended = 0;
      runpod.webhookFaults = () => ({ times: 1, delayMs: ended++ === 0 ? 3000 : 0 });
      const first = await untilStatus(api.db, await generate(api), "succeeded");
      const second = await untilStatus(api.db, await generate(api), "succeeded");
      await until("both are answered", () => runpod.webhooks.length === 2);
      const ids = [...runpod.platform.jobs.keys()];
      expect(runpod.webhooks.map(({ jobId }) => jobId)).toEqual(ids.toReversed());
      expect(await jobRow(api.db, first.id)).toEqual(first);
      expect(await jobRow(api.db, second.id)).toEqual(second);
    },
    LONG,
  );

  test(
    "F5: a result that RunPod has forgotten is found in the store, and its cost is what was seen of it",
    async () => {
      const { runpod, api } = await startRunPodApi({ stub: SLOW, runpod: { retentionMs: 0 } });
      runpod.webhookFaults = () => ({ times: 0 });
      const job = await untilStatus(api.db, await generate(api), "succeeded");
      expect(job.billedSeconds).toBeGreaterThan(0);
      expect(job.costUsd).toBeCloseTo(job.billedSeconds * 0.00053);
    },
    LONG,
  );
});
