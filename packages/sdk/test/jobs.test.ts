import { expect, test } from "vitest";
import { errorOf, png, useFakeApi, wav } from "./support/use-fake-api.ts";

const given = useFakeApi();

test("create, get, cancel and delete are the API's own operations", async () => {
  const { api, avatar } = given;
  api.script = [{ status: "queued" }];
  const [image, audio] = await Promise.all([avatar.upload(png()), avatar.upload(wav())]);
  const job = await avatar.jobs.create({ image: image.id, audio: audio.id }, { idempotencyKey: "mine" });
  expect(job).toMatchObject({ id: "job_1", status: "queued", version: 1 });
  expect(api.seen("POST /v1/jobs")[0]?.headers["idempotency-key"]).toBe("mine");
  expect(await avatar.jobs.get(job.id)).toEqual(job);
  expect(await avatar.jobs.cancel(job.id)).toMatchObject({ status: "canceled" });
  expect(await avatar.jobs.delete(job.id)).toMatchObject({ id: "job_1" });
});

test("an id that could lead to another route is refused before a byte is sent", async () => {
  const { api, avatar } = given;
  for (const id of ["../jobs?x=1#y", "..", ".", "", "a b", "job_1/cancel"]) {
    expect(await errorOf(avatar.jobs.get(id))).toMatchObject({ code: "invalid_input" });
    expect(await errorOf(avatar.resume(id))).toMatchObject({ code: "invalid_input" });
  }
  expect(api.requests).toEqual([]);
});

test("an iteration whose signal is aborted ends with its next step, within a page and between two", async () => {
  const { api, avatar } = given;
  for (let i = 0; i < 5; i++) api.addJob();
  for (const last of ["job_1", "job_2"]) {
    const controller = new AbortController();
    const seen: string[] = [];
    const iterate = async () => {
      for await (const { id } of avatar.jobs.list({ limit: 2 }, { signal: controller.signal })) {
        seen.push(id);
        if (id === last) controller.abort(new Error("enough"));
      }
    };
    expect(await errorOf(iterate())).toMatchObject({ code: "aborted", cause: new Error("enough") });
    expect(seen.at(-1)).toBe(last);
  }
  expect(api.count("GET /v1/jobs")).toBe(2);
});

test("a page that does not come ends with the signal or the time for it", async () => {
  const { api, avatar } = given;
  api.fail("GET /v1/jobs", "hang", "hang");
  expect(await errorOf(avatar.jobs.list({}, { timeoutMs: 50 }))).toMatchObject({ code: "timeout" });
  const controller = new AbortController();
  const next = errorOf(avatar.jobs.list({}, { signal: controller.signal })[Symbol.asyncIterator]().next());
  await api.reached("GET /v1/jobs", 2);
  controller.abort();
  expect(await next).toMatchObject({ code: "aborted" });
});

test("list is awaited for one page and iterated for all", async () => {
  const { api, avatar } = given;
  for (let i = 0; i < 5; i++) api.addJob([{ status: i === 3 ? "failed" : "queued" }]);
  const list = avatar.jobs.list({ limit: 2 });
  expect(api.count("GET /v1/jobs"), "nothing is sent before somebody asks").toBe(0);
  const { items, nextCursor } = await list;
  expect(items.map(({ id }) => id)).toEqual(["job_1", "job_2"]);
  expect(nextCursor).toBe("2");
  const all: string[] = [];
  for await (const { id } of list) all.push(id);
  expect(all).toEqual(["job_1", "job_2", "job_3", "job_4", "job_5"]);
  const failed: string[] = [];
  for await (const { id } of avatar.jobs.list({ status: "failed" })) failed.push(id);
  expect(failed).toEqual(["job_4"]);
});

test("an iteration that is left early loads no further page", async () => {
  const { api, avatar } = given;
  for (let i = 0; i < 5; i++) api.addJob();
  for await (const { id } of avatar.jobs.list({ limit: 2 })) if (id === "job_2") break;
  expect(api.count("GET /v1/jobs")).toBe(1);
});

test("a page in the middle that fails is fetched again", async () => {
  const { api, avatar } = given;
  for (let i = 0; i < 3; i++) api.addJob();
  const ids: string[] = [];
  for await (const { id } of avatar.jobs.list({ limit: 2 })) {
    ids.push(id);
    if (ids.length === 2) api.fail("GET /v1/jobs", "reset");
  }
  expect(ids).toEqual(["job_1", "job_2", "job_3"]);
});

test("result gives the video of a finished job with its link", async () => {
  const { api, avatar } = given;
  api.addJob([{ status: "succeeded" }]);
  const video = await avatar.jobs.result("job_1");
  expect(video).toMatchObject({ jobId: "job_1", bytes: api.video.length });
  await video.url();
  expect(api.count("GET /v1/jobs/:id/result"), "the link came with the result").toBe(1);
});
