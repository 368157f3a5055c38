import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import type { Config } from "../src/config.ts";
import { jobs, runs } from "../src/db/schema/schema.ts";
import { createBreakableDatabase } from "./support/breakable-database.ts";
import { queueJob, untilStatus } from "./support/queue.ts";
import { createRest } from "./support/rest.ts";
import { insertJob } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";

const database = createBreakableDatabase();
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ openDatabase: database.open });
});
beforeEach(async () => {
  await api.db.delete(runs);
  await api.db.delete(jobs);
});
afterAll(() => api.stop());

async function startAnother(config: Partial<Config>): Promise<TestApi> {
  const another = await startTestApi({ config });
  onTestFinished(another.stop);
  return another;
}

/** The number behind a series; undefined where there is none. */
async function numberOf(series: string, of = api): Promise<number | undefined> {
  const [line] = await of.metrics(`${series} `);
  return line === undefined ? undefined : Number(line.slice(series.length));
}

const fresh = (series: string, isRight: (value: number) => boolean) =>
  until(`${series} is as it should be`, async () => {
    const value = await numberOf(series);
    return value !== undefined && isRight(value);
  });

test("metrics tell how runs and jobs ended, and how long they took", async () => {
  api.engine.scripts.push("succeed", { fail: "no_face" });
  await untilStatus(api.db, (await queueJob(api)).id, "succeeded");
  await untilStatus(api.db, (await queueJob(api)).id, "failed");
  const ended = () => api.metrics("avatar_runs_total", "avatar_jobs_failed_total");
  await until("both are counted", async () => (await ended()).length === 3);
  expect((await ended()).toSorted()).toEqual([
    'avatar_jobs_failed_total{mode="live",code="no_face"} 1',
    'avatar_runs_total{engine="scripted",mode="live",outcome="failed",code="no_face"} 1',
    'avatar_runs_total{engine="scripted",mode="live",outcome="succeeded",code=""} 1',
  ]);
  expect(
    await api.metrics(
      "avatar_run_duration_seconds_count",
      "avatar_run_start_seconds_count",
      "avatar_queue_wait_seconds_count",
    ),
  ).toEqual([
    'avatar_queue_wait_seconds_count{mode="live"} 2',
    'avatar_run_duration_seconds_count{engine="scripted",outcome="succeeded"} 1',
    'avatar_run_duration_seconds_count{engine="scripted",outcome="failed"} 1',
    'avatar_run_start_seconds_count{engine="scripted"} 2',
  ]);
});

describe("of the whole service are told", () => {
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1000);
  const soon = new Date(Date.now() + 3_600_000);

  test("unfinished jobs by state, and how long the oldest is in it", async () => {
    const unfinished = { deadlineAt: soon };
    await insertJob(api, { ...unfinished, status: "starting", createdAt: ago(500), startedAt: ago(90) });
    await insertJob(api, { ...unfinished, status: "starting", createdAt: ago(500), startedAt: ago(30) });
    await insertJob(api, { ...unfinished, status: "queued", createdAt: ago(70) });
    await insertJob(api, { status: "succeeded", createdAt: ago(900) });
    await fresh('avatar_jobs{mode="live",state="starting"}', (count) => count === 2);
    expect(await numberOf('avatar_jobs{mode="live",state="queued"}')).toBe(1);
    expect(await numberOf('avatar_jobs{mode="live",state="running"}')).toBe(0);
    const oldest = await numberOf('avatar_jobs_oldest_seconds{mode="live",state="starting"}');
    expect(Math.round((oldest ?? 0) / 10)).toBe(9);
    expect(await numberOf('avatar_jobs_overdue{mode="live"}')).toBe(0);
  });

  test("who waits for a worker, but not who waits for a time", async () => {
    await queueJob(api, { mode: "test", runAfter: soon, deadlineAt: soon });
    await fresh('avatar_jobs{mode="test",state="queued"}', (count) => count === 1);
    expect(await numberOf('avatar_queue_depth{mode="test"}')).toBe(0);
    expect(await numberOf('avatar_queue_oldest_wait_seconds{mode="test"}')).toBe(0);
  });

  test("how late the sweeper is", async () => {
    await fresh("avatar_retention_lag_seconds", (seconds) => seconds === 0);
    await insertJob(api, { status: "succeeded", videoExpiresAt: ago(400) });
    await fresh("avatar_retention_lag_seconds", (seconds) => Math.round(seconds / 20) === 20);
  });

  test("how the database and the store are", async () => {
    expect(await api.metrics("avatar_database_up", "avatar_store_up")).toEqual([
      "avatar_database_up 1",
      "avatar_store_up 1",
    ]);
    expect(await numberOf("avatar_store_probe_seconds")).toBeGreaterThan(0);
  });
});

test("without a database the other metrics are told, and that it is away", async () => {
  await untilStatus(api.db, (await queueJob(api)).id, "succeeded");
  await database.whileDown(async () => {
    await fresh("avatar_database_up", (isUp) => isUp === 0);
    expect(await api.metrics("avatar_runs_total")).not.toEqual([]);
    expect(await api.metrics("avatar_jobs{", "avatar_retention_lag_seconds")).toEqual([]);
  });
  await fresh("avatar_database_up", (isUp) => isUp === 1);
});

test("requests are measured by the pattern of their route, never by their path", async () => {
  for (const path of ["/v1/jobs/job_canary1", "/v1/jobs/job_canary2?wait=1", "/canary3/of/anybody"])
    expect((await api.rest("GET", path)).status).toBe(404);
  await api.trpc.limits.get.query({});
  const count = (labels: string) => `avatar_http_request_duration_seconds_count{${labels}}`;
  await fresh(count('method="GET",route="/v1/jobs/:id",status_class="4xx",load="work"'), (n) => n === 1);
  await fresh(count('method="GET",route="/v1/jobs/:id",status_class="4xx",load="waits"'), (n) => n === 1);
  await fresh(count('method="any",route="none",status_class="4xx",load="work"'), (n) => n === 1);
  await fresh(count('method="GET",route="/trpc/:path",status_class="2xx",load="work"'), (n) => n === 1);
  expect((await api.metrics("")).join("\n")).not.toContain("canary");
});

test("errors are counted by code, and refusals by limit", async () => {
  const another = await startAnother({ keyLimits: { requestsPerMinute: 2 } });
  await another.rest("GET", "/v1/jobs/none");
  await another.rest("GET", "/v1/jobs?limit=none");
  await another.rest("GET", "/v1/jobs");
  await another.trpc.jobs.list.query({}).catch(() => {});
  expect(await another.metrics("avatar_errors_total", "avatar_refusals_total")).toEqual([
    'avatar_errors_total{code="job_not_found",status_class="4xx"} 1',
    'avatar_errors_total{code="invalid_input",status_class="4xx"} 1',
    'avatar_errors_total{code="rate_limited",status_class="4xx"} 2',
    'avatar_refusals_total{code="rate_limited",limit="requestsPerMinute",of="key"} 2',
  ]);
});

test("that a job has failed is no error of the request that asks for its video", async () => {
  const job = await insertJob(api, { status: "failed", error: { code: "run_lost", detail: "Lost." } });
  expect((await api.rest("GET", `/v1/jobs/${job.id}/result`)).body.code).toBe("run_lost");
  expect(await api.metrics('avatar_errors_total{code="run_lost"')).toEqual([]);
});

test("jobs are counted when they are made, and when they are canceled", async () => {
  const { body } = await api.rest("POST", "/v1/jobs", await api.uploadFixtures());
  await untilStatus(api.db, body.id, "succeeded");
  expect(await numberOf('avatar_jobs_created_total{mode="live"}')).toBe(1);
  const { id } = await insertJob(api, { deadlineAt: new Date(Date.now() + 3_600_000) });
  await api.rest("POST", `/v1/jobs/${id}/cancel`);
  await api.rest("POST", `/v1/jobs/${id}/cancel`);
  expect(await numberOf('avatar_jobs_canceled_total{mode="live"}')).toBe(1);
});

test("without their token there is the same 401 as anywhere", async () => {
  const [metrics, jobs] = await Promise.all(
    ["/metrics", "/v1/jobs"].map((path) => createRest(api.url, "nothing")("GET", path)),
  );
  expect(metrics?.status).toBe(401);
  expect(metrics?.headers.get("www-authenticate")).toBe(jobs?.headers.get("www-authenticate"));
  expect({ ...metrics?.body, requestId: "" }).toEqual({ ...jobs?.body, requestId: "" });
  const withKey = await api.rest("GET", "/metrics");
  expect(withKey.status, "an API key is no token").toBe(401);
});

test("where no token is set there are no metrics", async () => {
  const closed = await startAnother({ metricsToken: undefined });
  expect((await closed.rest("GET", "/metrics")).status).toBe(404);
});
