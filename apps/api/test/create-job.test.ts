import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApi, type TestApi } from "./support/test-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

test("a job made of two uploads ends with a video that can be downloaded", async () => {
  const inputs = await api.uploadFixtures();
  const created = await api.rest("POST", "/v1/jobs", inputs);
  expect(created.status).toBe(202);
  expect(created.headers.get("location")).toBe(`/v1/jobs/${created.body.id}`);
  const done = await api.rest("GET", `/v1/jobs/${created.body.id}?wait=30&after=99`);
  expect(done.body).toMatchObject({ status: "succeeded", audioSeconds: 2.99 });
  const result = await api.rest("GET", `/v1/jobs/${created.body.id}/result`);
  const video = await fetch(result.body.url);
  expect(await video.text()).toBe(`the video of ${created.body.id}`);
});
