import { afterAll, beforeAll, expect, test } from "vitest";
import { throughBothDoors } from "./support/doors.ts";
import { aJobInput } from "./support/refusals.ts";
import { insertJob } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

/** Through both doors, so always twice. */
const cancel = async (id: string) => (await throughBothDoors(api, "jobs.cancel", { input: { id } })).body;

test.each(["queued", "starting", "running"] as const)(
  "a %s job is canceled, and once more changes nothing",
  async (status) => {
    const { id, version } = await insertJob(api, { status });
    const body = await cancel(id);
    expect(body).toMatchObject({ status: "canceled", version: version + 1, finishedAt: expect.any(String) });
    expect(await cancel(id)).toEqual(body);
  },
);

test.each(["succeeded", "failed", "expired"] as const)("a %s job stays as it is", async (status) => {
  const { id, version } = await insertJob(api, { status });
  expect(await cancel(id)).toMatchObject({ status, version });
});

test("the render of a canceled job is stopped", async () => {
  api.engine.scripts.push({ hold: new Promise(() => {}) });
  const { body } = await api.rest("POST", "/v1/jobs", await aJobInput(api));
  const run = await until("the run is started", () =>
    api.engine.started.find(({ jobId }) => jobId === body.id),
  );
  expect((await cancel(body.id)).status).toBe("canceled");
  await until("the run is stopped", () => api.engine.stopped.includes(run.runId));
  expect((await api.rest("GET", `/v1/jobs/${body.id}`)).body.status).toBe("canceled");
});
