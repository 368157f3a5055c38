import { getEventListeners } from "node:events";
import { expect, test, vi } from "vitest";
import { AvatarError, JobCanceledError, JobFailedError } from "../src/index.ts";
import { waitFor } from "./support/fake-api.ts";
import { errorOf, files, statesOf, useFakeApi } from "./support/use-fake-api.ts";

const given = useFakeApi();

test("generate uploads both files, creates one job and resolves to its video", async () => {
  const { avatar, api } = given;
  const video = await avatar.generate({ ...files(), aspect: "16:9", metadata: { order: "7" } });
  expect(video).toMatchObject({ jobId: "job_1", width: 1280, height: 720, durationSeconds: 7 });
  expect(video.expiresAt).toEqual(new Date("2026-01-01T06:00:00Z"));
  const [create] = api.seen("POST /v1/jobs");
  expect(JSON.parse(create?.body ?? "")).toEqual({
    image: "upload_1",
    audio: "upload_2",
    aspect: "16:9",
    metadata: { order: "7" },
  });
  expect([...api.uploads.values()].map((bytes) => bytes?.length)).toEqual([72, 76]);
});

test("onUpdate, every reader and the promise see the same states once", async () => {
  const seen: string[] = [];
  const generation = given.avatar.generate(files(), { onUpdate: (job) => seen.push(job.status) });
  const readers = Promise.all([statesOf(generation), statesOf(generation)]);
  await generation;
  const all = ["queued", "starting", "running", "succeeded"];
  expect(seen).toEqual(all);
  expect(await readers).toEqual([all, all]);
  expect(generation.job?.status).toBe("succeeded");
  expect(await statesOf(generation), "a late reader gets the last state").toEqual(["succeeded"]);
});

test("the id is known while the job is still running", async () => {
  given.api.script = [{ status: "queued" }];
  const generation = given.avatar.generate(files());
  expect(await generation.id).toBe("job_1");
  given.api.move("job_1", { status: "succeeded" });
  expect((await generation).jobId).toBe("job_1");
});

test("polls hold for 25 seconds and ask for what is newer", async () => {
  await given.avatar.generate(files());
  const polls = given.api.seen("GET /v1/jobs/:id").map(({ query }) => query.toString());
  expect(polls).toEqual(["wait=25&after=1", "wait=25&after=2", "wait=25&after=3"]);
});

test("a poll that is answered too early is followed by a pause", async () => {
  const { api, avatar, clock } = given;
  api.script = [{ status: "queued" }];
  const generation = avatar.generate(files());
  await generation.id;
  const unchanged = JSON.stringify(api.jobs.get("job_1")?.job);
  api.fail("GET /v1/jobs/:id", ...Array(3).fill({ status: 200, body: unchanged }));
  await api.reached("GET /v1/jobs/:id", 2);
  api.move("job_1", { status: "succeeded" });
  await generation;
  expect(clock.slept.length).toBeGreaterThan(0);
  expect(new Set(clock.slept)).toEqual(new Set([1000]));
});

test("a failed job rejects with the job's own code, for the promise and for readers", async () => {
  const error = {
    code: "no_face",
    detail: "No face was found in the image.",
    hint: "Send a portrait.",
    docs: "/docs/errors/no_face",
    retryable: false,
  };
  given.api.script = [{ status: "queued" }, { status: "failed", error }];
  const generation = given.avatar.generate(files());
  const thrown = await errorOf(generation);
  expect(thrown).toBeInstanceOf(JobFailedError);
  expect(thrown).toMatchObject({
    ...error,
    docs: given.api.url + error.docs,
    name: "JobFailedError",
    jobId: "job_1",
    job: { status: "failed" },
  });
  expect((thrown as Error).message).toBe("No face was found in the image. Send a portrait. (no_face)");
  expect(await errorOf(statesOf(generation))).toBe(thrown);
  expect(await generation.settled()).toEqual({ error: thrown });
});

test("cancel stops the job, and the promise rejects with job_canceled", async () => {
  given.api.script = [{ status: "queued" }];
  const generation = given.avatar.generate(files());
  await generation.id;
  const canceled = await generation.cancel();
  expect(canceled.status).toBe("canceled");
  expect(await errorOf(generation)).toBeInstanceOf(JobCanceledError);
  expect((await generation.cancel()).status, "canceling twice is the same as once").toBe("canceled");
});

test("cancel during the upload stops it, and no job is made", async () => {
  const { api, avatar } = given;
  api.fail("PUT /objects/:id", "hang", "hang");
  const generation = avatar.generate(files());
  await api.reached("PUT /objects/:id", 2);
  expect(await errorOf(generation.cancel())).toMatchObject({ code: "aborted" });
  expect(await errorOf(generation)).toMatchObject({ code: "aborted" });
  expect(api.count("POST /v1/jobs")).toBe(0);
});

test("settled never rejects", async () => {
  const { video, error } = await given.avatar.generate(files()).settled();
  expect(error).toBeUndefined();
  expect(video?.jobId).toBe("job_1");
});

test("leaving the scope of `await using` cancels a job that is not over", async () => {
  const { api, avatar } = given;
  api.script = [{ status: "queued" }];
  {
    await using generation = avatar.generate(files());
    await generation.id;
  }
  expect(api.jobs.get("job_1")?.job.status).toBe("canceled");
});

test("leaving the scope of `await using` after the end does nothing", async () => {
  const { api, avatar } = given;
  {
    await using generation = avatar.generate(files());
    await generation;
  }
  expect(api.count("POST /v1/jobs/:id/cancel")).toBe(0);
});

test("a generation that nobody awaits fails without an unhandled rejection", async () => {
  const { api, avatar } = given;
  const onUnhandled = vi.fn();
  process.on("unhandledRejection", onUnhandled);
  api.fail("POST /v1/jobs", { code: "unauthorized" });
  avatar.generate(files());
  await api.reached("POST /v1/jobs");
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", onUnhandled);
  expect(onUnhandled).not.toHaveBeenCalled();
});

test("a callback that throws ends the wait with its error and cancels the job", async () => {
  const { api, avatar } = given;
  const cause = new Error("the progress bar broke");
  const generation = avatar.generate(files(), {
    onUpdate() {
      throw cause;
    },
  });
  expect(await errorOf(generation)).toMatchObject({
    code: "unexpected",
    detail: cause.message,
    cause,
    jobId: "job_1",
  });
  await waitFor(() => api.jobs.get("job_1")?.job.status === "canceled");
});

test("resume picks a job up, with the same states and result", async () => {
  const { api, avatar } = given;
  const { id } = api.addJob([{ status: "running", progress: 0.2 }, { status: "succeeded" }]);
  const generation = avatar.resume(id);
  expect(await generation.id).toBe(id);
  expect(await statesOf(generation)).toEqual(["running", "succeeded"]);
  expect((await generation).jobId).toBe(id);
});

test("resume of a job that does not exist rejects with its id", async () => {
  const error = await errorOf(given.avatar.resume("job_none"));
  expect(error).toMatchObject({ code: "job_not_found", status: 404, jobId: "job_none", attempts: 1 });
});

test("resume of a job whose video is gone rejects with video_expired", async () => {
  const { id } = given.api.addJob([{ status: "expired" }]);
  expect(await errorOf(given.avatar.resume(id))).toMatchObject({ code: "video_expired", jobId: id });
});

test("nothing runs once the promise has settled", async () => {
  const { api, avatar } = given;
  const { signal } = new AbortController();
  await avatar.generate(files(), { signal, timeoutMs: 60_000 });
  const requests = api.requests.length;
  expect(getEventListeners(signal, "abort")).toEqual([]);
  // The hook of `useFakeApi` fails this test for a timer.
  await new Promise((resolve) => setImmediate(resolve));
  expect(api.requests.length).toBe(requests);
});

test("an error that is not ours is still an AvatarError", async () => {
  const { error } = await given.avatar
    .generate({ image: () => Promise.reject(new Error("no disk")), audio: "upload_1" })
    .settled();
  expect(AvatarError.is(error, "unexpected")).toBe(true);
});
