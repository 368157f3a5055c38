import type { FakeRunPod, Fault, Operation } from "@avatar/fake-runpod";
import { expect, test } from "vitest";
import { jobRow, outcomesOf, runsOf, untilEnded, untilStatus } from "../support/queue.ts";
import {
  claimRun,
  generate,
  inputOf,
  type RunInput,
  startRunPodApi,
  uploadVideo,
  workersThat,
} from "../support/runpod.ts";
import { until } from "../support/until.ts";

const LONG = 120_000;
const START_MS = 600_000;
/** A run's own time to start is a little shorter than its job's. */
const LATE_MS = 0.95 * START_MS;

const jobsOf = ({ platform }: FakeRunPod) => [...platform.jobs.values()];

const renders = workersThat(async (input) => {
  await uploadVideo(input as RunInput);
  return { output: {} };
});

const always = (operation: Operation, fault: Fault) => (asked: Operation) =>
  asked === operation ? fault : undefined;

test(
  "longer recordings get more time at RunPod",
  async () => {
    const { runpod, api } = await startRunPodApi({ runpod: { workersMax: 0 } });
    await generate(api, 0.6);
    await generate(api, 2.6);
    await until("both are there", () => runpod.platform.jobs.size === 2);
    const [short, long] = jobsOf(runpod);
    const more = (long?.executionTimeoutMs ?? 0) - (short?.executionTimeoutMs ?? 0);
    // 60 s for each second, and whatever passed between the two.
    expect(Math.abs(more - 120_000)).toBeLessThan(30_000);
  },
  LONG,
);

test(
  "no run gets more time than RunPod and signed links can live",
  async () => {
    const config = { runSecondsPerAudioSecond: 10_000_000 };
    const { runpod, api } = await startRunPodApi({ runpod: { workersMax: 0 }, api: { config } });
    await generate(api);
    const job = await until("it is there", () => jobsOf(runpod)[0]);
    expect(job.executionTimeoutMs).toBeLessThan(5 * 24 * 3_600_000);
  },
  LONG,
);

test(
  "a run that waits behind others goes back into the queue, and is nobody's failure",
  async () => {
    const { runpod, api } = await startRunPodApi({ runpod: { ...renders, workersMax: 0 } });
    runpod.faults = always("health", { status: 200, body: { workers: { running: 1 } } });
    const id = await generate(api);
    await until("it is at RunPod", () => runpod.platform.jobs.size === 1);
    api.advance(LATE_MS);
    await until("it is there again", () => runpod.platform.jobs.size === 2);
    expect((await outcomesOf(api.db, id))[0]).toBe("released");
    expect(jobsOf(runpod)[0]?.status).toBe("CANCELLED");
    runpod.platform.setWorkersMax(1);
    await untilStatus(api.db, id, "succeeded");
  },
  LONG,
);

test(
  "a run that a worker took and left is rendered again, unless its video is there",
  async () => {
    const { runpod, api } = await startRunPodApi({ runpod: { ...renders, workersMax: 0 } });
    const id = await generate(api);
    await until("it is at RunPod", () => runpod.platform.jobs.size === 1);
    const [first] = jobsOf(runpod);
    expect(await claimRun(inputOf(first), first?.id ?? "")).toBe(true);
    api.advance(LATE_MS);
    await until("another run begins", async () => {
      if ((await jobRow(api.db, id)).status === "queued") api.advance(1000);
      return runpod.platform.jobs.size === 2;
    });
    expect((await runsOf(api.db, id))[0]).toMatchObject({ outcome: "failed", code: "run_lost" });
    const second = jobsOf(runpod)[1];
    expect(await claimRun(inputOf(second), second?.id ?? "")).toBe(true);
    await uploadVideo(inputOf(second));
    api.advance(LATE_MS);
    await untilStatus(api.db, id, "succeeded");
    expect(runpod.platform.jobs.size).toBe(2);
  },
  LONG,
);

test(
  "a worker whose last word is lost has rendered all the same, and what was seen of it is paid",
  async () => {
    const silent = workersThat(async (input) => {
      await uploadVideo(input as RunInput);
      return null;
    });
    const runpodTimes = { pollMs: 100, silentMs: 1000 };
    const { runpod, api } = await startRunPodApi({ runpod: silent, api: { runpod: runpodTimes } });
    const job = await untilStatus(api.db, await generate(api), "succeeded");
    expect(jobsOf(runpod)[0]?.status).toBe("IN_PROGRESS");
    expect(job.billedSeconds).toBeGreaterThan(0);
  },
  LONG,
);

test(
  "F5: a run that RunPod has forgotten without a video is rendered again",
  async () => {
    let begun = 0;
    const { runpod, api } = await startRunPodApi({
      runpod: workersThat(async (input) => {
        if (++begun === 1) return null;
        await uploadVideo(input as RunInput);
        return { output: {} };
      }),
    });
    const id = await generate(api);
    await until("it is begun", () => begun === 1);
    runpod.platform.forget(jobsOf(runpod)[0]?.id ?? "");
    await untilEnded(api, id, "succeeded");
    expect((await runsOf(api.db, id)).map((run) => run.code)).toEqual(["run_lost", null]);
  },
  LONG,
);

test(
  "a 404 that passes costs no second run",
  async () => {
    let missing = 2;
    const { runpod, api } = await startRunPodApi({
      runpod: workersThat(async (input) => {
        await until("it was missing", () => missing === 0);
        await uploadVideo(input as RunInput);
        return { output: {} };
      }),
    });
    runpod.faults = (operation) => {
      if (operation !== "status" || missing === 0) return undefined;
      missing--;
      return { status: 404 };
    };
    await untilStatus(api.db, await generate(api), "succeeded");
    expect(runpod.platform.jobs.size).toBe(1);
  },
  LONG,
);

const failed = (code: string) => JSON.stringify({ v: 1, code, detail: "It was not.", retryable: true });

test.each([
  [{ status: "TIMED_OUT" }, "run_timeout"],
  [{ status: "CANCELLED" }, "run_lost"],
  [{ status: "FAILED", error: "CUDA error at rpa_secret" }, "run_lost"],
  [{ status: "FAILED", error: failed("render_failed") }, "render_failed"],
  [{ status: "FAILED", error: failed("models_invalid") }, "engine_misconfigured"],
  [{ status: "FAILED", error: failed("upload_failed") }, "storage_unavailable"],
])(
  "%j is told as %s after three runs",
  async (said, code) => {
    const { runpod, api } = await startRunPodApi({ runpod: { workersMax: 0 } });
    runpod.faults = always("status", { status: 200, body: { id: "x", executionTime: 1500, ...said } });
    const job = await untilEnded(api, await generate(api), "failed");
    expect(job.error?.code).toBe(code);
    expect(JSON.stringify(job.error)).not.toContain("rpa_");
    expect(await outcomesOf(api.db, job.id)).toEqual(["failed", "failed", "failed"]);
    expect(job.billedSeconds, "two seconds each").toBe(6);
  },
  LONG,
);

test(
  "a RunPod that is away uses up no run of a job",
  async () => {
    let died = 0;
    const { runpod, api } = await startRunPodApi({ runpod: renders });
    let refused = 3;
    runpod.faults = (operation) => {
      if (operation === "run" && refused-- > 0) return { status: 500 };
      if (operation !== "status" || died++ >= 2) return undefined;
      return { status: 200, body: { id: "x", status: "FAILED", error: "the worker is gone" } };
    };
    const id = await generate(api);
    await untilEnded(api, id, "succeeded");
    const codes = (await runsOf(api.db, id)).map((run) => run.code);
    expect(codes.slice(0, 3)).toEqual(Array(3).fill("engine_unavailable"));
    expect(codes.at(-1)).toBeNull();
    expect(codes.slice(3, -1).every((code) => code === "run_lost")).toBe(true);
  },
  LONG,
);

test(
  "a RunPod that goes away while a run waits there is met with another run, once it is back",
  async () => {
    const { runpod, api } = await startRunPodApi({ runpod: { ...renders, workersMax: 0 } });
    const id = await generate(api);
    await until("it is at RunPod", () => runpod.platform.jobs.size === 1);
    runpod.faults = () => ({ status: 503 });
    await until("it is refused", () => api.logs.some((line) => line.includes("GET status: 503")));
    api.advance(LATE_MS);
    await until("the run has failed", async () => (await outcomesOf(api.db, id))[0] === "failed");
    runpod.faults = undefined;
    runpod.platform.setWorkersMax(1);
    await untilEnded(api, id, "succeeded");
    expect((await runsOf(api.db, id))[0]?.code).toBe("engine_unavailable");
  },
  LONG,
);

test(
  "a job that waits behind others for too long fails as such",
  async () => {
    const config = { queueTimeoutMs: 0.9 * START_MS };
    const { runpod, api } = await startRunPodApi({ runpod: { workersMax: 0 }, api: { config } });
    runpod.faults = always("health", { status: 200, body: { workers: { running: 1 } } });
    const id = await generate(api);
    await until("it is at RunPod", () => runpod.platform.jobs.size === 1);
    api.advance(LATE_MS);
    expect((await untilStatus(api.db, id, "failed")).error?.code).toBe("queue_timeout");
  },
  LONG,
);

test(
  "F5: a RunPod that stays away fails the job in the end, and the reason is told",
  async () => {
    const { runpod, api } = await startRunPodApi({ api: { dispatcher: { maxLostRuns: 4 } } });
    runpod.faults = () => ({ status: 503 });
    const job = await untilEnded(api, await generate(api), "failed");
    expect(job.error?.code).toBe("engine_unavailable");
    expect(await outcomesOf(api.db, job.id)).toHaveLength(4);
  },
  LONG,
);

test(
  "a key that is revoked while a run waits is told as such",
  async () => {
    const { runpod, api } = await startRunPodApi({ runpod: { workersMax: 0 } });
    const id = await generate(api);
    await until("it is at RunPod", () => runpod.platform.jobs.size === 1);
    runpod.faults = () => ({ status: 401 });
    await until("it is refused", () => api.logs.some((line) => line.includes("GET status: 401")));
    api.advance(LATE_MS);
    const job = await untilEnded(api, id, "failed");
    expect(job.error?.code).toBe("engine_unauthorized");
  },
  LONG,
);

test(
  "a run that began unseen, while RunPod did not answer, is not given up",
  async () => {
    const { runpod, api } = await startRunPodApi({ runpod: { workersMax: 0 } });
    const id = await generate(api);
    await until("it is at RunPod", () => runpod.platform.jobs.size === 1);
    const [job] = jobsOf(runpod);
    runpod.faults = always("status", { status: 503 });
    const refusals = () => api.logs.filter((line) => line.includes("GET status: 503")).length;
    await until("it is refused", refusals);
    expect(await claimRun(inputOf(job), job?.id ?? "")).toBe(true);
    api.advance(LATE_MS);
    const before = refusals();
    await until("it is asked again", () => refusals() > before + 1);
    api.advance(START_MS / 2);
    await until("and again", () => refusals() > before + 2);
    await uploadVideo(inputOf(job));
    await untilStatus(api.db, id, "succeeded");
    expect(runpod.platform.jobs.size).toBe(1);
  },
  LONG,
);

test(
  "a canceled run costs what RunPod tells of it, rather than what was seen",
  async () => {
    const { runpod, api } = await startRunPodApi({ runpod: workersThat(() => null) });
    runpod.faults = (operation) =>
      operation === "status" && runpod.requests.includes("cancel")
        ? { status: 200, body: { id: "x", status: "CANCELLED", executionTime: 90_000 } }
        : undefined;
    const id = await generate(api);
    await until("it is taken", () => jobsOf(runpod)[0]?.status === "IN_PROGRESS");
    await api.rest("POST", `/v1/jobs/${id}/cancel`);
    await until("the run is over", async () => (await outcomesOf(api.db, id))[0] === "abandoned");
    expect((await jobRow(api.db, id)).billedSeconds).toBe(90);
  },
  LONG,
);

test(
  "a cancel that RunPod does not take at once is tried until it does",
  async () => {
    const { runpod, api } = await startRunPodApi({
      runpod: workersThat(() => null),
      api: { runpod: { pollMs: 20 } },
    });
    const id = await generate(api);
    const [job] = await until("it is taken", () => runpod.platform.workers.size > 0 && jobsOf(runpod));
    expect(await claimRun(inputOf(job), job?.id ?? "")).toBe(true);
    let refusals = 6;
    runpod.faults = (operation) => (operation === "cancel" && refusals-- > 0 ? { status: 502 } : undefined);
    await api.rest("POST", `/v1/jobs/${id}/cancel`);
    await until("RunPod canceled it", () => jobsOf(runpod)[0]?.status === "CANCELLED");
    await until("the run is over", async () => (await outcomesOf(api.db, id))[0] === "abandoned");
  },
  LONG,
);

test(
  "the claim of a run stays as long as links of it live, so that nobody takes it later",
  async () => {
    const { api } = await startRunPodApi({ runpod: renders });
    const id = await generate(api);
    await untilStatus(api.db, id, "succeeded");
    const [run] = await runsOf(api.db, id);
    expect(run?.linksUntil?.getTime()).toBeGreaterThan((run?.startedAt.getTime() ?? 0) + 2 * START_MS);
    expect(run?.sweepAt?.getTime()).toBeGreaterThan(run?.linksUntil?.getTime() ?? Number.POSITIVE_INFINITY);
  },
  LONG,
);
