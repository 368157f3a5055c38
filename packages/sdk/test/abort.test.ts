import { getEventListeners } from "node:events";
import { expect, test, vi } from "vitest";
import { AbortedError, Avatar, AvatarError, TimeoutError, type UploadProgress } from "../src/index.ts";
import { waitFor } from "./support/fake-api.ts";
import { errorOf, files, useFakeApi } from "./support/use-fake-api.ts";

const given = useFakeApi();

const isCanceled = () => given.api.jobs.get("job_1")?.job.status === "canceled";

test("an abort while waiting rejects and cancels the job on the server", async () => {
  const { api, avatar } = given;
  api.script = [{ status: "queued" }];
  const controller = new AbortController();
  const seen: string[] = [];
  const generation = avatar.generate(files(), {
    signal: controller.signal,
    onUpdate: (job) => seen.push(job.status),
  });
  await api.reached("GET /v1/jobs/:id");
  const reason = new Error("the user left");
  controller.abort(reason);
  const error = await errorOf(generation);
  expect(error).toBeInstanceOf(AbortedError);
  expect(error).toMatchObject({ code: "aborted", jobId: "job_1", cause: reason });
  await waitFor(isCanceled);
  expect(seen, "no update after the promise has settled").toEqual(["queued"]);
  expect(getEventListeners(controller.signal, "abort")).toEqual([]);
  expect(api.count("GET /v1/jobs/:id")).toBe(1);
});

test("an abort with onAbort: leave lets the job run", async () => {
  const { api, avatar } = given;
  api.script = [{ status: "queued" }];
  const controller = new AbortController();
  const generation = avatar.generate(files(), { signal: controller.signal, onAbort: "leave" });
  await api.reached("GET /v1/jobs/:id");
  controller.abort();
  expect(await errorOf(generation)).toMatchObject({ code: "aborted", jobId: "job_1" });
  expect(api.count("POST /v1/jobs/:id/cancel")).toBe(0);
});

test("an abort while the job is being made still finds and cancels it", async () => {
  const { api, avatar } = given;
  api.fail("POST /v1/jobs", "lost-reply");
  const controller = new AbortController();
  const generation = avatar.generate(files(), { signal: controller.signal });
  await api.reached("POST /v1/jobs");
  controller.abort();
  expect(await errorOf(generation)).toMatchObject({ code: "aborted" });
  await waitFor(isCanceled);
  expect(api.jobs.size).toBe(1);
  expect(generation.job, "nothing is shown after the end").toBeUndefined();
});

test("a cancel that fails after an abort is tried again", async () => {
  const { api, avatar } = given;
  api.script = [{ status: "queued" }];
  api.fail("POST /v1/jobs/:id/cancel", "reset", { code: "unavailable" });
  const controller = new AbortController();
  const generation = avatar.generate(files(), { signal: controller.signal });
  await api.reached("GET /v1/jobs/:id");
  controller.abort();
  await errorOf(generation);
  await waitFor(isCanceled);
  expect(api.count("POST /v1/jobs/:id/cancel")).toBe(3);
});

test("an abort during the upload stops it, and no job is made", async () => {
  const { api, avatar } = given;
  api.fail("PUT /objects/:id", "hang", "hang");
  const controller = new AbortController();
  const generation = avatar.generate(files(), { signal: controller.signal });
  await api.reached("PUT /objects/:id", 2);
  controller.abort();
  expect(await errorOf(generation)).toMatchObject({ code: "aborted" });
  expect(await errorOf(generation.id)).toMatchObject({ code: "aborted" });
  expect(api.count("POST /v1/jobs")).toBe(0);
});

test("an abort after the last byte is up makes no job", async () => {
  const controller = new AbortController();
  const sent: string[] = [];
  const avatar = given.avatar.with({
    fetch(url, init) {
      sent.push(`${init?.method} ${new URL(String(url)).pathname}`);
      return fetch(url, init);
    },
  });
  let filesUp = 0;
  const onUpload = ({ loaded }: UploadProgress) => {
    if (loaded && ++filesUp === 2) controller.abort();
  };
  const generation = avatar.generate(files(), { signal: controller.signal, onUpload });
  expect(await errorOf(generation)).toMatchObject({ code: "aborted" });
  await avatar.jobs.list(); // Takes longer than the step from the upload to the job.
  expect(sent).not.toContain("POST /v1/jobs");
});

test("when one upload fails for good, the other one stops", async () => {
  const { api, avatar } = given;
  api.fail("PUT /objects/:id", "hang", { code: "link_invalid" });
  expect(await errorOf(avatar.generate(files()))).toMatchObject({ code: "link_invalid", status: 403 });
  expect(api.count("POST /v1/jobs")).toBe(0);
});

test("an abort during the pause before a retry ends it at once", async () => {
  const { api, avatar, clock } = given;
  clock.isStopped = true;
  api.fail("GET /v1/jobs/:id", { code: "unavailable", retryAfter: "30" });
  const controller = new AbortController();
  const job = avatar.jobs.get("job_1", { signal: controller.signal });
  await waitFor(() => clock.slept.length > 0);
  controller.abort();
  expect(await errorOf(job)).toMatchObject({ code: "aborted" });
  expect(api.count("GET /v1/jobs/:id")).toBe(1);
});

test("an abort rejects at once even if fetch does not listen", async () => {
  const avatar = new Avatar({ apiKey: "avk_1", baseUrl: given.api.url, fetch: () => new Promise(() => {}) });
  const controller = new AbortController();
  const page = avatar.jobs.list({}, { signal: controller.signal });
  queueMicrotask(() => controller.abort());
  expect(await errorOf(page)).toMatchObject({ code: "aborted" });
});

test("a signal that is aborted already sends nothing", async () => {
  const signal = AbortSignal.abort();
  const generation = given.avatar.generate(files(), { signal });
  expect(await errorOf(generation)).toMatchObject({ code: "aborted" });
  expect(await errorOf(generation.id)).toMatchObject({ code: "aborted" });
  expect(await errorOf(given.avatar.upload(files().image, { signal }))).toMatchObject({ code: "aborted" });
  expect(given.api.requests).toEqual([]);
});

test("timeoutMs rejects with the job's id and cancels the job", async () => {
  const { api, avatar } = given;
  const { id } = api.addJob([{ status: "queued" }]);
  const error = await errorOf(avatar.resume(id, { timeoutMs: 50 }));
  expect(error).toBeInstanceOf(TimeoutError);
  expect(error).toMatchObject({ code: "timeout", detail: "Not done within 0.05 s.", jobId: id });
  await waitFor(isCanceled);
});

test("an endless timeout is no timeout", async () => {
  const { jobId } = await given.avatar.generate(files(), { timeoutMs: Number.POSITIVE_INFINITY });
  expect(jobId).toBe("job_1");
});

test("an abort whose reason is an error of ours is still an abort, and changes nothing in that error", async () => {
  const reason = new AvatarError({ code: "no_face", detail: "No face.", jobId: "job_9" });
  const controller = new AbortController();
  const generation = given.avatar.resume("job_1", { signal: controller.signal });
  controller.abort(reason);
  expect(await errorOf(generation)).toMatchObject({ code: "aborted", jobId: "job_1", cause: reason });
  expect(reason.jobId).toBe("job_9");
});

test("a job that is resumed can be canceled at once, before anything is known of it", async () => {
  const { api, avatar } = given;
  api.addJob([{ status: "queued" }]);
  const generation = avatar.resume("job_1");
  expect(await generation.cancel()).toMatchObject({ id: "job_1", status: "canceled" });
  expect(await errorOf(generation)).toMatchObject({ code: "job_canceled", jobId: "job_1" });
});

test("a scope that is left at once cancels the job that it resumed", async () => {
  given.api.addJob([{ status: "queued" }]);
  const generation = given.avatar.resume("job_1");
  await generation[Symbol.asyncDispose]();
  expect(isCanceled()).toBe(true);
  expect(await errorOf(generation)).toMatchObject({ code: "aborted", jobId: "job_1" });
});

test("a time limit keeps the process alive where a callback does not", async () => {
  const upload = given.avatar.upload(() => new Promise<Blob>(() => {}), { timeoutMs: 50 });
  expect(vi.mocked(setTimeout).mock.results.at(-1)?.value.hasRef()).toBe(true);
  expect(await errorOf(upload)).toMatchObject({ code: "timeout" });
});
