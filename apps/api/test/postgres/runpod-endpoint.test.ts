import type { FakeRunPod } from "@avatar/fake-runpod";
import { eq } from "drizzle-orm";
import { describe, expect, test } from "vitest";
import { jobs, keepAlives } from "../../src/db/schema/schema.ts";
import { jobRow, outcomesOf, runsOf, untilStatus } from "../support/queue.ts";
import { uploadFile } from "../support/rest.ts";
import { generate, startRunPodApi, workersThat } from "../support/runpod.ts";
import { shortSpeech } from "../support/short-speech.ts";
import { until } from "../support/until.ts";

const LONG = 120_000;
const HOUR_MS = 3_600_000;

const first = ({ platform }: FakeRunPod) => [...platform.jobs.values()][0];

describe("on RunPod, without a worker", () => {
  test(
    "F13: two servers together submit no more runs than one may, and the next once one is over",
    async () => {
      const options = { config: { maxRunsInFlight: 3 } };
      const { runpod, api, startAnother } = await startRunPodApi({ runpod: { workersMax: 0 }, api: options });
      await startAnother({ config: { port: 0 } });
      const ids = await Promise.all(Array.from({ length: 8 }, () => generate(api)));
      const isOpen = () => [...runpod.platform.jobs.values()].filter((job) => job.status === "IN_QUEUE");
      await until("three are at RunPod", () => isOpen().length === 3);
      const open = await api.db.select({ id: jobs.id }).from(jobs).where(eq(jobs.status, "starting"));
      expect(open).toHaveLength(3);
      await api.rest("POST", `/v1/jobs/${open[0]?.id}/cancel`);
      await until("a fourth is at RunPod", () => runpod.platform.jobs.size === 4);
      await until("three are", () => isOpen().length === 3);
      expect(ids).toHaveLength(8);
    },
    LONG,
  );

  test(
    "an endpoint that nobody uses is kept alive, by one of two servers, and not sooner than needed",
    async () => {
      const config = { keepAliveMs: 48 * HOUR_MS };
      const options = { config, keepAliveEveryMs: 20 };
      const answers = workersThat((input) =>
        (input as { op: string }).op === "info" ? { output: {} } : null,
      );
      const { runpod, api, startAnother } = await startRunPodApi({ runpod: answers, api: options });
      const other = await startAnother({ config: { ...config, port: 0 } });
      const sentAt = async () => (await api.db.select().from(keepAlives))[0]?.sentAt.getTime();
      const first = await until("a new endpoint's time has begun", sentAt);
      api.advance(47 * HOUR_MS);
      // A run counts as well.
      const untilSubmitted = (id: string) =>
        until("it is at RunPod", async () => (await runsOf(api.db, id))[0]?.externalId);
      await untilSubmitted(await generate(api));
      api.advance(47 * HOUR_MS);
      await untilSubmitted(await generate(api));
      expect(await sentAt()).toBe(first);
      api.advance(48 * HOUR_MS);
      await until("it is kept alive", async () => (await sentAt()) !== first);
      const inputs = [...runpod.platform.jobs.values()].map((job) => job.input);
      expect(inputs.filter((input) => (input as { op?: string }).op === "info")).toHaveLength(1);
      await until("it says so", () => /was kept alive/.test([...api.logs, ...other.logs].join("")));
    },
    LONG,
  );

  const soon = { config: { startTimeoutMs: 3000 } };

  test(
    "an endpoint whose workers do not answer is tried again, and the log says why",
    async () => {
      const config = { keepAliveMs: 48 * HOUR_MS };
      const crashing = workersThat((input) =>
        (input as { op: string }).op === "info" ? { error: "no" } : null,
      );
      const options = { config, keepAliveEveryMs: 20, runpod: { pollMs: 20 } };
      const { runpod, api } = await startRunPodApi({ runpod: crashing, api: options });
      const sentAt = async () => (await api.db.select().from(keepAlives))[0]?.sentAt.getTime();
      await until("a new endpoint's time has begun", sentAt);
      api.advance(48 * HOUR_MS);
      await until("it is tried again", () => runpod.platform.jobs.size > 1);
      expect(api.logs.join("")).toContain("RunPod's endpoint was not kept alive");
    },
    LONG,
  );

  test(
    "P10: jobs that are canceled in the queue, and files that are refused, reach no worker",
    async () => {
      const { runpod, api } = await startRunPodApi({ runpod: { ...workersThat(() => null), workersMax: 1 } });
      await generate(api);
      await until("the worker is busy", () => first(runpod)?.status === "IN_PROGRESS");
      const id = await generate(api);
      await until("it is at RunPod", () => runpod.platform.jobs.size === 2);
      await api.rest("POST", `/v1/jobs/${id}/cancel`);
      const second = [...runpod.platform.jobs.values()][1];
      await until("RunPod canceled it", () => second?.status === "CANCELLED");
      await until("the run is over", async () => (await outcomesOf(api.db, id))[0] === "abandoned");
      expect(await jobRow(api.db, id)).toMatchObject({ billedSeconds: 0, costUsd: 0 });

      const image = await uploadFile(api.rest, "image/png", Buffer.from("no image"));
      const audio = await uploadFile(api.rest, "audio/wav", shortSpeech(0.6));
      expect((await api.rest("POST", "/v1/jobs", { image, audio })).status).toBe(422);
      expect(second?.deliveries).toBe(0);
      expect(runpod.platform.jobs.size).toBe(2);
      expect(runpod.ledger.bills).toHaveLength(1);
    },
    LONG,
  );

  test.each([
    ["an endpoint at 0 workers", { workersMax: 0 }, false, "no_capacity", /workersMax/, undefined],
    ["no GPU anywhere", {}, true, "no_capacity", /throttled/, 'avatar_engine_workers{state="throttled"} 3'],
    [
      "workers that crash",
      { startWorker: () => ({ exited: Promise.resolve(), stop() {}, kill() {} }) },
      false,
      "engine_misconfigured",
      /crash/,
      'avatar_engine_workers{state="unhealthy"} 1',
    ],
  ])(
    "%s: the job fails in its time, and says so",
    async (_, options, isThrottled, code, reason, workers) => {
      const { runpod, api } = await startRunPodApi({ runpod: options, api: soon });
      runpod.platform.throttle(isThrottled);
      const id = await generate(api);
      const job = await untilStatus(api.db, id, "failed");
      expect(job.error?.code).toBe(code);
      expect(await runsOf(api.db, id)).toMatchObject([
        { outcome: "failed", reason: expect.stringMatching(reason) },
      ]);
      expect(api.logs.join("")).toMatch(reason);
      const { body: told } = await api.rest("GET", `/v1/jobs/${id}`);
      expect(JSON.stringify(told)).not.toMatch(/rpa_|127\.0\.0\.1|endpoint0|workersMax/);
      const metrics = await api.metrics("avatar_jobs_failed_total", "avatar_engine_workers");
      expect(metrics).toContain(`avatar_jobs_failed_total{mode="live",code="${code}"} 1`);
      if (workers) expect(metrics).toContain(workers);
      await until("it is canceled", () => first(runpod)?.status === "CANCELLED");
    },
    LONG,
  );

  test.each([
    [401, {}, "engine_unauthorized"],
    [404, {}, "engine_misconfigured"],
    [402, {}, "engine_quota_exceeded"],
    [400, { error: "Insufficient balance on rpa_secret" }, "engine_quota_exceeded"],
  ])(
    "a /run that is answered with %i %j ends as %s",
    async (status, body, code) => {
      const { runpod, api } = await startRunPodApi();
      runpod.faults = () => ({ status, body });
      const id = await generate(api);
      await until("it has failed", async () => {
        const job = await jobRow(api.db, id);
        if (job.status === "queued") api.advance(1000);
        return job.status === "failed";
      });
      const { body: job } = await api.rest("GET", `/v1/jobs/${id}`);
      expect(job.error).toMatchObject({ code, retryable: true });
      expect(JSON.stringify(job)).not.toMatch(/rpa_|127\.0\.0\.1|endpoint0/);
      expect(api.logs.join("")).toMatch(new RegExp(`"code":"${code}".*POST run: ${status}`));
      expect(api.logs.join("")).not.toMatch(/rpa_/);
      expect(await outcomesOf(api.db, id)).toHaveLength(3);
      const runs = `avatar_runs_total{engine="runpod",mode="live",outcome="failed",code="${code}"} 3`;
      expect(await api.metrics("avatar_runs_total", "avatar_jobs_failed_total")).toEqual(
        expect.arrayContaining([runs, `avatar_jobs_failed_total{mode="live",code="${code}"} 1`]),
      );
    },
    LONG,
  );
});
