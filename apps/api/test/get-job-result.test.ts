import { createHash } from "node:crypto";
import { ERRORS } from "@avatar/contract/errors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { throughBothDoors } from "./support/doors.ts";
import { aJobInput } from "./support/refusals.ts";
import { insertJob } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

async function finishedJob(settings = {}): Promise<string> {
  const { body } = await api.rest("POST", "/v1/jobs", { ...(await aJobInput(api)), ...settings });
  const done = await api.rest("GET", `/v1/jobs/${body.id}?wait=30&after=99`);
  expect(done.body.status).toBe("succeeded");
  return body.id;
}
const resultOf = async (id: string) => (await throughBothDoors(api, "jobs.result", { input: { id } })).body;

test("the link gives the video, as a file of its own name", async () => {
  const id = await finishedJob();
  const { jobId, url, video } = await resultOf(id);
  const download = await fetch(url);
  const bytes = Buffer.from(await download.arrayBuffer());
  expect(bytes.toString("latin1")).toContain(`the video of ${id}`);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  expect([jobId, video.bytes, video.sha256]).toEqual([id, bytes.length, sha256]);
  expect(download.headers.get("content-type")).toBe("video/mp4");
  expect(download.headers.get("content-disposition")).toBe(`attachment; filename="${id}.mp4"`);
});

test("the link ends with the video", async () => {
  const id = await finishedJob({ ttlSeconds: 60 });
  const { url, urlExpiresAt, video } = await resultOf(id);
  expect(urlExpiresAt).toBe(video.expiresAt);
  api.advance(60_000);
  expect((await resultOf(id)).code).toBe("video_expired");
  expect((await fetch(url)).status).toBe(403);
});

test("a link to a video that was deleted early says so", async () => {
  const id = await finishedJob();
  const { url } = await resultOf(id);
  await api.rest("DELETE", `/v1/jobs/${id}`);
  const download = await fetch(url);
  if (api.database.s3)
    expect([download.status, await download.text()]).toEqual([404, expect.stringContaining("NoSuchKey")]);
  else expect([download.status, JSON.parse(await download.text()).code]).toEqual([410, "video_expired"]);
});

test("a failed job answers with the error it failed with, and with its own words", async () => {
  const error = { code: "several_faces", detail: "Two faces are about as large." } as const;
  const { id } = await insertJob(api, { status: "failed", error });
  expect(await resultOf(id)).toMatchObject({ ...error, status: ERRORS.several_faces.status });
});

test.each(["queued", "starting", "running"] as const)("a %s job is not finished", async (status) => {
  const { id } = await insertJob(api, { status });
  expect((await resultOf(id)).code).toBe("job_not_finished");
});
