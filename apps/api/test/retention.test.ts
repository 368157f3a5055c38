import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { apiKeys, requestWindows } from "../src/db/schema/schema.ts";
import { createJobRepository } from "../src/jobs/job-repository.ts";
import { auditOf, makeChild, makeKey, statusOf } from "./support/keys.ts";
import { sweep } from "./support/leftovers.ts";
import { jobRow, untilStatus } from "./support/queue.ts";
import { OWNER } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());
beforeEach(() => {
  api.engine.scripts = [];
});

const HOUR_MS = 3_600_000;
const never = new Promise<void>(() => {});
const sweepAt = (time: number) => sweep(api.db, api.database, new Date(time));
const objects = () => api.database.objects();

type Inputs = Awaited<ReturnType<TestApi["uploadFixtures"]>>;
const filesOf = ({ image, audio }: Inputs) => [`uploads/${image}`, `uploads/${audio}`];

async function generate(inputs: Inputs): Promise<string> {
  const { status, body } = await api.rest("POST", "/v1/jobs", inputs);
  expect(status).toBe(202);
  return body.id;
}

test("F11: a video is there until its six hours are over, then the job has expired and the file is gone", async () => {
  const id = await generate(await api.uploadFixtures());
  const { finishedAt, videoExpiresAt, videoKey } = await untilStatus(api.db, id, "succeeded");
  const expiry = videoExpiresAt?.getTime() ?? 0;
  expect(expiry - (finishedAt?.getTime() ?? 0)).toBe(6 * HOUR_MS);

  await sweepAt(expiry);
  expect(await objects()).toContain(videoKey);
  expect((await jobRow(api.db, id)).status).toBe("succeeded");

  await sweepAt(expiry + 1);
  expect(await objects()).not.toContain(videoKey);
  const { body } = await api.rest("GET", `/v1/jobs/${id}`);
  expect(body).toMatchObject({ id, status: "expired" });
  const result = await api.rest("GET", `/v1/jobs/${id}/result`);
  expect([result.status, result.body.code]).toEqual([410, "video_expired"]);
});

test("an upload is deleted an hour after it was declared, but not while an unfinished job needs it", async () => {
  api.engine.scripts = [{ hold: never }];
  const needed = await api.uploadFixtures();
  const unneeded = await api.uploadFixtures();
  const id = await generate(needed);
  await untilStatus(api.db, id, "running");

  await sweepAt(Date.now() + 0.9 * HOUR_MS);
  expect(await objects()).toEqual(expect.arrayContaining([...filesOf(needed), ...filesOf(unneeded)]));
  await sweepAt(Date.now() + 1.1 * HOUR_MS);
  expect(await objects()).toEqual(expect.arrayContaining(filesOf(needed)));
  for (const file of filesOf(unneeded)) expect(await objects()).not.toContain(file);

  await api.rest("POST", `/v1/jobs/${id}/cancel`);
  await sweepAt(Date.now() + 1.1 * HOUR_MS);
  for (const file of filesOf(needed)) expect(await objects()).not.toContain(file);
});

test("an upload that two unfinished jobs share is deleted with the last of them", async () => {
  api.engine.scripts = [{ hold: never }, { hold: never }];
  const shared = await api.uploadFixtures();
  const [first, second] = [await generate(shared), await generate(shared)];

  await api.rest("DELETE", `/v1/jobs/${first}`);
  expect(await objects()).toEqual(expect.arrayContaining(filesOf(shared)));
  await api.rest("DELETE", `/v1/jobs/${second}`);
  for (const file of filesOf(shared)) expect(await objects()).not.toContain(file);
});

test("a video whose deletion broke off is deleted by the next sweep", async () => {
  const id = await generate(await api.uploadFixtures());
  const { videoKey } = await untilStatus(api.db, id, "succeeded");
  // All that DELETE had done when its process died.
  await createJobRepository(api.db).end(
    { owner: OWNER, mode: "live", childKeyId: undefined },
    id,
    "expired",
    new Date(),
  );

  await sweepAt(Date.now() + 1000);
  expect(await objects()).not.toContain(videoKey);
  expect((await jobRow(api.db, id)).videoKey).toBeNull();
});

test("child keys and counts of requests go a day after they were over, and nothing else does", async () => {
  const limits = { requestsPerMinute: 100 };
  const parent = await makeKey(api, { limits });
  const expired = await makeKey(api, { limits, expiresAt: new Date(Date.now() + 60_000).toISOString() });
  const child = await makeChild(api, parent, { ttlSeconds: 3600, limits });
  expect(await statusOf(child)).toBe(200);
  const keys = async () => (await api.db.select({ id: apiKeys.id }).from(apiKeys)).map(({ id }) => id);
  const counted = async () => (await api.db.select({ id: requestWindows.keyId }).from(requestWindows)).length;
  expect(await counted()).toBe(2);

  await sweepAt(Date.now() + 24 * HOUR_MS - 60_000);
  expect(await counted()).toBe(2);
  await sweepAt(Date.now() + 24 * HOUR_MS + 60_000);
  expect(await counted()).toBe(0);
  expect(await keys()).toContain(child.id);
  expect(await statusOf(child), "it counts anew").toBe(200);

  await sweepAt(Date.now() + 25 * HOUR_MS + 60_000);
  expect(await keys()).not.toContain(child.id);
  expect(await keys()).toEqual(expect.arrayContaining([parent.id, expired.id]));
  expect(await auditOf(api, parent.id)).toHaveLength(1);
});
