import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { throughBothDoors, throughRest, throughTrpc } from "./support/doors.ts";
import { insertJob } from "./support/rows.ts";
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
