import { expect, test } from "vitest";
import { type OtlpCollector, type ReceivedSpan, startOtlpCollector } from "../support/otlp-collector.ts";
import { untilStatus } from "../support/queue.ts";
import {
  claimRun,
  inputOf,
  type RunInput,
  startRunPodApi,
  uploadVideo,
  workersThat,
} from "../support/runpod.ts";
import type { TestApi } from "../support/test-api.ts";
import { until } from "../support/until.ts";

const TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
const CLIENT_SPAN = "b7ad6b7169203331";

/** Does the run, as a worker does it. */
const renders = async (input: unknown) => {
  const run = input as RunInput;
  expect(await claimRun(run, "runpod_1")).toBe(true);
  await uploadVideo(run);
  return { output: { ok: true } };
};

const startApi = (tracing?: Pick<OtlpCollector, "endpoint">) =>
  startRunPodApi({
    runpod: workersThat(renders),
    api: {
      runpod: { pollMs: 50 },
      config: { tracing: tracing && { endpoint: tracing.endpoint, serviceName: "avatar-test", share: 1 } },
    },
  });

/** @returns the job, and the id of the request that made it */
async function createJob({ rest, uploadFixtures }: TestApi, headers: Record<string, string> = {}) {
  const answer = await rest("POST", "/v1/jobs", await uploadFixtures(), headers);
  expect(answer.status).toBe(202);
  return { id: String(answer.body.id), requestId: answer.headers.get("x-request-id") };
}

test("a job can be followed by the request that made it, from the door to the worker", async () => {
  const { api, runpod } = await startApi();
  const { id, requestId } = await createJob(api);
  await untilStatus(api.db, id, "succeeded");
  const lines = await until("the run has ended", () => {
    const all = api.logs.map((line) => JSON.parse(line)).filter(({ jobId }) => jobId === id);
    return all.some(({ msg }) => msg === "a run succeeded") && all;
  });
  const runId = lines.at(-1).runId;
  expect(lines).toMatchObject([
    { msg: "a job was made", requestId },
    { msg: "a run began", requestId, runId },
    { msg: "a run succeeded", runId },
  ]);
  const [job] = runpod.platform.jobs.values();
  expect(inputOf(job)).toMatchObject({ runId, requestId });
});

test("a collector sees a job as one trace, below its client's span", async () => {
  const collector = await startOtlpCollector();
  const { api } = await startApi(collector);
  const { id, requestId } = await createJob(api, { traceparent: `00-${TRACE_ID}-${CLIENT_SPAN}-01` });
  await untilStatus(api.db, id, "succeeded");
  await until("the run has ended", () => api.logs.some((line) => line.includes('"a run succeeded"')));
  await api.stop();

  const spans = collector.spans.filter(({ traceId }) => traceId === TRACE_ID);
  const find = (name: string) => spans.find((span) => span.name === name) as ReceivedSpan;
  const [request, create, wait, run] = ["POST /v1/jobs", "jobs.create", "queue wait", "run"].map(find);
  expect(request).toMatchObject({
    service: "avatar-test",
    parentId: CLIENT_SPAN,
    attributes: {
      "http.route": "/v1/jobs",
      "http.response.status_code": 202,
      "avatar.request.id": requestId,
    },
  });
  expect(create).toMatchObject({ parentId: request?.spanId });
  expect(wait).toMatchObject({ parentId: create?.spanId, attributes: { "avatar.job.id": id } });
  expect(run).toMatchObject({
    parentId: create?.spanId,
    attributes: { "avatar.job.id": id, "avatar.engine": "runpod", "avatar.run.outcome": "succeeded" },
  });
  expect(wait?.endMs).toBe(run?.startMs);
  const ofStore = spans.filter(({ name }) => name.startsWith("store "));
  expect(ofStore.map(({ parentId }) => parentId)).toContain(run?.spanId);
  expect(ofStore.map(({ parentId }) => parentId)).toContain(create?.spanId);

  const told = JSON.stringify(collector.spans);
  expect(told).not.toMatch(/avk_|signature|token=|X-Amz/i);
  expect(collector.headers[0]).toMatchObject({ url: "/v1/traces", "content-type": "application/x-protobuf" });
});

test("a client's word that it records nothing is heeded", async () => {
  const collector = await startOtlpCollector();
  const { api } = await startApi(collector);
  const { id } = await createJob(api, { traceparent: `00-${TRACE_ID}-${CLIENT_SPAN}-00` });
  await untilStatus(api.db, id, "succeeded");
  await api.stop();
  expect(collector.spans.length).toBeGreaterThan(0);
  expect(collector.spans.filter(({ traceId }) => traceId === TRACE_ID)).toEqual([]);
});

test("a collector that refuses is told of in the log, and no job is held up", async () => {
  const collector = await startOtlpCollector(403);
  const { api } = await startApi(collector);
  const { id } = await createJob(api);
  await untilStatus(api.db, id, "succeeded");
  await api.stop();
  expect(api.logs.join("")).toContain("traces were not sent");
});
