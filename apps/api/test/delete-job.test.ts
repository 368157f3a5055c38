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
const remove = async (id: string) => (await throughBothDoors(api, "jobs.delete", { input: { id } })).body;
const isStored = async (key: string) => (await api.database.objects(key)).length > 0;

async function createJob(input: object): Promise<string> {
  return (await api.rest("POST", "/v1/jobs", input)).body.id;
}
async function untilDone(id: string): Promise<void> {
  const { body } = await api.rest("GET", `/v1/jobs/${id}?wait=30&after=99`);
  expect(body.status).toBe("succeeded");
}

test("a succeeded job expires, and its video and uploads are gone", async () => {
  const input = await aJobInput(api);
  const id = await createJob(input);
  await untilDone(id);
  const keys = [`videos/${id}`, `uploads/${input.image}`, `uploads/${input.audio}`];
  expect(await Promise.all(keys.map(isStored))).toEqual([true, true, true]);
  expect(await remove(id)).toMatchObject({ id, status: "expired" });
  expect(await Promise.all(keys.map(isStored))).toEqual([false, false, false]);
  expect((await api.rest("GET", `/v1/jobs/${id}/result`)).body.code).toBe("video_expired");
});

test("uploads stay as long as another unfinished job needs them", async () => {
  const input = await aJobInput(api);
  const other = await insertJob(api, { imageUploadId: input.image, audioUploadId: "upload_9" });
  const id = await createJob(input);
  await untilDone(id);
  await remove(id);
  expect([await isStored(`uploads/${input.image}`), await isStored(`uploads/${input.audio}`)]).toEqual([
    true,
    false,
  ]);
  await remove(other.id);
  expect(await isStored(`uploads/${input.image}`)).toBe(false);
});

test("an unfinished job is canceled, and its render stopped", async () => {
  api.engine.scripts.push({ hold: new Promise(() => {}) });
  const input = await aJobInput(api);
  const id = await createJob(input);
  const run = await until("the run is started", () => api.engine.started.find(({ jobId }) => jobId === id));
  expect(await remove(id)).toMatchObject({ id, status: "canceled" });
  await until("the run is stopped", () => api.engine.stopped.includes(run.runId));
  expect(await isStored(`uploads/${input.image}`)).toBe(false);
});

test.each(["failed", "canceled", "expired"] as const)("a %s job stays so", async (status) => {
  const { id, version } = await insertJob(api, { status });
  expect(await remove(id)).toMatchObject({ status, version });
});

test("a deleted job stays in the list", async () => {
  const { id } = await insertJob(api);
  await remove(id);
  const { body } = await api.rest("GET", "/v1/jobs?limit=100");
  expect(body.items).toContainEqual(expect.objectContaining({ id, status: "canceled" }));
});
