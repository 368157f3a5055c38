import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { throughBothDoors, throughRest, throughTrpc } from "./support/doors.ts";
import { insertJob, insertKey } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { countWaiting } from "./support/waiting.ts";

const waiting = countWaiting();
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ ...waiting.overrides, dispatcher: { maxRunsInFlight: 0 } });
});
afterAll(() => api.stop());

const cancel = (id: string) => api.rest("POST", `/v1/jobs/${id}/cancel`);

describe("the state of a job", () => {
  test.each([
    ["queued", {}],
    ["starting", { cold: true }],
    ["running", { progress: 0.25 }],
    ["canceled", {}],
    ["expired", {}],
  ] as const)("%s comes with %j", async (status, fields) => {
    const { id } = await insertJob(api, { status, ...fields });
    const { body } = await throughBothDoors(api, "jobs.get", { input: { id } });
    expect(body).toMatchObject({ id, status, ...fields });
    expect("finishedAt" in body).toBe(status === "canceled" || status === "expired");
  });

  test("succeeded comes with facts of the video, but not with its link", async () => {
    const { id } = await insertJob(api, { status: "succeeded" });
    const { body } = await throughBothDoors(api, "jobs.get", { input: { id } });
    expect(body.video).toMatchObject({ contentType: "video/mp4", width: 1280, height: 720 });
    expect(JSON.stringify(body)).not.toContain("http");
  });

  test("failed comes with the error and what to do about it", async () => {
    const error = { code: "run_lost", detail: "20 runs were lost." } as const;
    const { id } = await insertJob(api, { status: "failed", error });
    const { body } = await throughBothDoors(api, "jobs.get", { input: { id } });
    expect(body.error).toEqual({
      ...error,
      docs: "/docs/errors/run_lost",
      hint: "Create the job again later.",
      retryable: true,
    });
  });

  test("what is over of its stages is timed, and its cost is told", async () => {
    const at = (second: number) => new Date(1_700_000_000_000 + second * 1000);
    const begun = { createdAt: at(0), startedAt: at(2.5), billedSeconds: 41, costUsd: 0.02173 };
    const jobs = [
      [{ createdAt: at(0) }, {}, { gpuSeconds: 0, usd: 0 }],
      [{ ...begun }, {}, { gpuSeconds: 41, usd: 0.02173 }],
      [{ ...begun, status: "starting" }, { queue: 2.5 }, {}],
      [{ ...begun, status: "running", runningAt: at(10) }, { queue: 2.5, start: 7.5 }, {}],
      [
        { ...begun, status: "succeeded", runningAt: at(10), finishedAt: at(50) },
        { queue: 2.5, start: 7.5, run: 40, total: 50 },
        { gpuSeconds: 41, usd: 0.02173 },
      ],
      [{ ...begun, status: "succeeded", finishedAt: at(50) }, { queue: 2.5, run: 47.5, total: 50 }, {}],
      [{ createdAt: at(0), status: "canceled", finishedAt: at(3) }, { total: 3 }, {}],
    ] as const;
    for (const [row, timings, cost] of jobs) {
      const { id } = await insertJob(api, row);
      const { body } = await throughBothDoors(api, "jobs.get", { input: { id } });
      expect(body.timings).toEqual(timings);
      expect(body.cost).toMatchObject(cost);
    }
  });

  test("a queued job knows its place, and once there is experience how long it may take", async () => {
    const owner = "owner_waiting";
    const key = await insertKey(api, owner);
    const headers = { authorization: `Bearer ${key}` };
    const job = { owner, deadlineAt: new Date(Date.now() + 3_600_000) };
    const waiting = [await insertJob(api, job), await insertJob(api, job)];
    for (const [index, { id }] of waiting.entries()) {
      const { body } = await throughBothDoors(api, "jobs.get", { input: { id }, headers });
      expect(body).toMatchObject({ position: index + 1, etaSeconds: expect.any(Number) });
    }
    const { body } = await throughBothDoors(api, "jobs.list", { input: {}, headers });
    expect(body.items.map((each: { position: number }) => each.position)).toEqual([2, 1]);
  });

  test.each(["starting", "running"] as const)("a %s job says how long it may take, too", async (status) => {
    const owner = `owner_${status}`;
    const headers = { authorization: `Bearer ${await insertKey(api, owner)}` };
    const deadlineAt = new Date(Date.now() + 3_600_000);
    const { id } = await insertJob(api, { owner, status, startedAt: new Date(), deadlineAt });
    const { body } = await throughBothDoors(api, "jobs.get", { input: { id }, headers });
    expect(body).toMatchObject({
      status,
      etaSeconds: expect.any(Number),
      timings: {},
      cost: { gpuSeconds: 0 },
    });
    expect(body).not.toHaveProperty("position");
  });

  test("says nothing of runs, keys or uploads", async () => {
    const { id } = await insertJob(api, { runId: "run_1", idempotencyKey: "secret", keyId: "key_9" });
    const { body } = await throughBothDoors(api, "jobs.get", { input: { id } });
    expect(JSON.stringify(body)).not.toMatch(/run_1|secret|key_9|upload_|owner_/);
  });
});

// Where an answer is expected at once, the wait would outlast the test.
describe("a wait", { timeout: 10_000 }, () => {
  const at = (id: string, wait: number, after?: number) => ({
    input: { id, wait, ...(after !== undefined && { after }) },
  });

  test("is answered at once where the version is greater than after", async () => {
    const { id } = await insertJob(api, { version: 5 });
    const { body } = await throughBothDoors(api, "jobs.get", at(id, 30, 4));
    expect(body.version).toBe(5);
  });

  test.each(["succeeded", "failed", "canceled", "expired"] as const)(
    "is answered at once where the job is %s",
    async (status) => {
      const { id } = await insertJob(api, { status });
      const { body } = await throughBothDoors(api, "jobs.get", at(id, 30, 99));
      expect(body.status).toBe(status);
    },
  );

  test("is answered with the job as it is when the time is up", async () => {
    const { id } = await insertJob(api);
    const { status, body } = await throughBothDoors(api, "jobs.get", at(id, 0.05, 99));
    expect({ status, version: body.version }).toEqual({ status: 200, version: 1 });
  });

  test.each([
    ["with", 1],
    ["without", undefined],
  ])("%s after is answered when the job changes, to all who wait", async (_word, after) => {
    const { id } = await insertJob(api);
    const call = at(id, 30, after);
    const answers = [throughRest, throughTrpc, throughRest].map((send) => send(api, "jobs.get", call));
    await waiting.reaches(3);
    await cancel(id);
    for (const { body } of await Promise.all(answers))
      expect(body).toMatchObject({ status: "canceled", version: 2 });
  });

  test("is over when its client gives up", async () => {
    const { id } = await insertJob(api);
    const headers = { authorization: `Bearer ${api.apiKey}` };
    const input = encodeURIComponent(JSON.stringify({ id, wait: 30 }));
    const gone = new AbortController();
    const answers = [`/v1/jobs/${id}?wait=30`, `/trpc/jobs.get?input=${input}`].map((path) =>
      fetch(new URL(path, api.url), { headers, signal: gone.signal }),
    );
    await waiting.reaches(2);
    gone.abort();
    for (const { status } of await Promise.allSettled(answers)) expect(status).toBe("rejected");
    await waiting.reaches(0);
  });
});
