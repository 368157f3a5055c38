import { afterAll, beforeAll, expect, test } from "vitest";
import { queueJob, untilStatus } from "./support/queue.ts";
import { createRest } from "./support/rest.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

test("metrics tell how runs and jobs ended", async () => {
  api.engine.scripts.push("succeed", { fail: "no_face" });
  await untilStatus(api.db, (await queueJob(api)).id, "succeeded");
  await untilStatus(api.db, (await queueJob(api)).id, "failed");
  await until("both are counted", async () => (await api.metrics()).length === 3);
  expect(await api.metrics()).toEqual([
    'avatar_runs_total{engine="scripted",mode="live",outcome="succeeded",code=""} 1',
    'avatar_runs_total{engine="scripted",mode="live",outcome="failed",code="no_face"} 1',
    'avatar_jobs_failed_total{mode="live",code="no_face"} 1',
  ]);
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
  const closed = await startTestApi({ config: { metricsToken: undefined } });
  expect((await closed.rest("GET", "/metrics")).status).toBe(404);
  await closed.stop();
});
