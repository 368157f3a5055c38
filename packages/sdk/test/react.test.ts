import { act, createElement, useEffect } from "react";
import { renderToString } from "react-dom/server";
import { expect, test } from "vitest";
import { Avatar } from "../src/index.ts";
import { type GenerationHook, type UseGenerationOptions, useGeneration } from "../src/react.ts";
import { waitFor } from "./support/fake-api.ts";
import { renderHook } from "./support/render.ts";
import { files, useFakeApi } from "./support/use-fake-api.ts";

const given = useFakeApi();

async function renderGeneration(options?: UseGenerationOptions, { strict = false } = {}) {
  return renderHook(() => useGeneration(given.avatar, options), { strict });
}

/** Waits until it is so, and lets React render meanwhile. */
const until = (condition: () => boolean) => act(() => waitFor(condition));

const statuses = (results: readonly GenerationHook[]) =>
  results.map(({ status }) => status).filter((status, index, all) => status !== all[index - 1]);

const isCanceled = (id = "job_1") => given.api.jobs.get(id)?.job.status === "canceled";
const countCancels = () => given.api.count("POST /v1/jobs/:id/cancel");

test("a generation goes through its states to a link", async () => {
  const hook = await renderGeneration();
  expect(hook.now).toMatchObject({ status: "idle", isPending: false });
  act(() => void hook.now.start(files()));
  expect(hook.now).toMatchObject({ status: "preparing", isPending: true, upload: { loaded: 0, total: 0 } });
  await until(() => hook.now.status === "succeeded");
  expect(hook.now).toMatchObject({
    isPending: false,
    job: { id: "job_1", status: "succeeded" },
    video: { jobId: "job_1", width: 1280 },
    url: expect.stringContaining("/videos/job_1"),
  });
  expect(hook.now.error).toBeUndefined();
  expect(statuses(hook.results)).toEqual(["idle", "preparing", "queued", "starting", "running", "succeeded"]);
});

test("the bytes of both files are counted together", async () => {
  const hook = await renderGeneration();
  act(() => void hook.now.start(files()));
  await until(() => hook.now.status === "succeeded");
  const { image, audio } = files();
  const total = image.size + audio.size;
  const uploads = hook.results.flatMap(({ upload }) => upload ?? []);
  expect(uploads.at(-1)).toEqual({ loaded: total, total });
  expect(uploads).toContainEqual({ loaded: 0, total });
});

test("a job that fails is told with its reason", async () => {
  given.api.script = [
    { status: "queued" },
    {
      status: "failed",
      error: { code: "no_face", detail: "No face.", hint: "Send another.", retryable: false },
    },
  ];
  const hook = await renderGeneration();
  act(() => void hook.now.start(files()));
  await until(() => hook.now.status === "failed");
  expect(hook.now).toMatchObject({
    error: { code: "no_face", hint: "Send another." },
    job: { status: "failed" },
  });
});

test("a file of a wrong kind is told without a request", async () => {
  const hook = await renderGeneration();
  act(() => void hook.now.start({ ...files(), audio: files().image }));
  await until(() => hook.now.status === "failed");
  expect([hook.now.error?.code, hook.now.job]).toEqual(["media_type_mismatch", undefined]);
  expect(given.api.requests).toEqual([]);
});

test("cancel shows at once, and stops the job on the server", async () => {
  given.api.script = [{ status: "queued" }];
  const hook = await renderGeneration({ onAbort: "leave" });
  act(() => void hook.now.start(files()));
  await until(() => hook.now.status === "queued");
  act(() => hook.now.cancel());
  expect(hook.now).toMatchObject({ status: "canceled", isPending: false });
  await until(isCanceled);
  expect(hook.now.status).toBe("canceled");
});

test("cancel during the upload makes no job", async () => {
  given.api.fail("PUT /objects/:id", "hang", "hang");
  const hook = await renderGeneration();
  let generation: PromiseLike<unknown> | undefined;
  act(() => {
    generation = hook.now.start(files());
  });
  await until(() => given.api.count("PUT /objects/:id") === 2);
  act(() => hook.now.cancel());
  await expect(generation).rejects.toMatchObject({ code: "aborted" });
  expect(hook.now.status).toBe("canceled");
  expect(given.api.count("POST /v1/jobs")).toBe(0);
});

test("a cancel that the server does not take is told", async () => {
  given.api.script = [{ status: "queued" }];
  given.api.fail("POST /v1/jobs/:id/cancel", { code: "insufficient_scope" });
  const hook = await renderGeneration({ onAbort: "leave" });
  act(() => void hook.now.start(files()));
  await until(() => hook.now.status === "queued");
  act(() => hook.now.cancel());
  await until(() => hook.now.status === "failed");
  expect(hook.now).toMatchObject({ error: { code: "insufficient_scope" }, job: { id: "job_1" } });
});

test("unmounting cancels the job and renders no more", async () => {
  given.api.script = [{ status: "queued" }];
  const hook = await renderGeneration();
  act(() => void hook.now.start(files()));
  await until(() => hook.now.status === "queued");
  const renders = hook.results.length;
  await hook.unmount();
  await waitFor(isCanceled);
  expect(hook.results).toHaveLength(renders);
});

test("unmounting with onAbort: leave lets the job run, and ends the wait", async () => {
  given.api.script = [{ status: "queued" }];
  const hook = await renderGeneration({ onAbort: "leave" });
  let generation: PromiseLike<unknown> | undefined;
  act(() => {
    generation = hook.now.start(files());
  });
  await until(() => hook.now.status === "queued");
  await hook.unmount();
  await expect(generation).rejects.toMatchObject({ code: "aborted", jobId: "job_1" });
  expect((await given.avatar.jobs.get("job_1")).status).toBe("queued");
});

test("what is hidden while its job goes on is idle when it is shown again", async () => {
  given.api.script = [{ status: "queued" }];
  const hook = await renderGeneration({ onAbort: "leave" });
  act(() => void hook.now.start(files()));
  await until(() => hook.now.status === "queued");
  await hook.hide();
  await hook.render();
  expect([hook.now.status, hook.now.job]).toEqual(["idle", undefined]);
  act(() => void hook.now.resume("job_1"));
  given.api.move("job_1", { status: "succeeded" });
  await until(() => hook.now.status === "succeeded");
});

test("what is started after the unmount does not run on", async () => {
  given.api.script = [{ status: "queued" }];
  const hook = await renderGeneration();
  const { start } = hook.now;
  await hook.unmount();
  await expect(start(files())).rejects.toMatchObject({ code: "aborted" });
});

test("a new start ends the one before, which is heard no more", async () => {
  given.api.script = [{ status: "queued" }];
  const hook = await renderGeneration();
  act(() => void hook.now.start(files()));
  await until(() => hook.now.status === "queued");
  given.api.script = [{ status: "queued" }, { status: "succeeded" }];
  act(() => void hook.now.start(files()));
  expect([hook.now.status, hook.now.job]).toEqual(["preparing", undefined]);
  await until(() => hook.now.status === "succeeded");
  expect(hook.now.video?.jobId).toBe("job_2");
  await waitFor(isCanceled);
  expect(statuses(hook.results)).not.toContain("canceled");
});

test("two starts at once leave one job", async () => {
  const hook = await renderGeneration();
  act(() => {
    hook.now.start(files());
    hook.now.start(files());
  });
  await until(() => hook.now.status === "succeeded");
  expect([...given.api.jobs.values()].filter(({ job }) => job.status !== "canceled")).toHaveLength(1);
});

test("resume goes on with a job that exists", async () => {
  const { id } = given.api.addJob();
  const hook = await renderGeneration();
  act(() => void hook.now.resume(id));
  await until(() => hook.now.status === "succeeded");
  expect(hook.now.video?.jobId).toBe(id);
  expect(given.api.count("POST /v1/jobs")).toBe(0);
});

test("resume in an effect in strict mode waits once, and cancels nothing", async () => {
  const { id } = given.api.addJob([{ status: "queued" }]);
  const hook = await renderHook(
    () => {
      const generation = useGeneration(given.avatar);
      const { resume } = generation;
      useEffect(() => void resume(id), [resume]);
      return generation;
    },
    { strict: true },
  );
  await until(() => hook.now.status === "queued");
  await given.api.reached("GET /v1/jobs/:id", 2);
  given.api.move(id, { status: "succeeded" });
  await until(() => hook.now.status === "succeeded");
  expect(countCancels()).toBe(0);
  expect(given.api.seen("GET /v1/jobs/:id").filter(({ query }) => !query.has("wait"))).toHaveLength(1);
});

test("resume of the job at hand changes nothing", async () => {
  const { id } = given.api.addJob([{ status: "queued" }]);
  const hook = await renderGeneration();
  act(() => void hook.now.resume(id));
  await until(() => hook.now.status === "queued");
  await given.api.reached("GET /v1/jobs/:id", 2);
  act(() => void hook.now.resume(id));
  given.api.move(id, { status: "succeeded" });
  await until(() => hook.now.status === "succeeded");
  const { url } = hook.now;
  act(() => void hook.now.resume(id));
  expect([hook.now.status, hook.now.url]).toEqual(["succeeded", url]);
  expect(countCancels()).toBe(0);
});

test("a job that is not there is an error, and can be resumed again", async () => {
  const hook = await renderGeneration();
  act(() => void hook.now.resume("job_1"));
  await until(() => hook.now.status === "failed");
  expect(hook.now.error).toMatchObject({ code: "job_not_found" });
  given.api.addJob();
  act(() => void hook.now.resume("job_1"));
  await until(() => hook.now.status === "succeeded");
});

test("reset goes back to idle and ends what is under way", async () => {
  given.api.script = [{ status: "queued" }];
  const hook = await renderGeneration();
  act(() => void hook.now.start(files()));
  await until(() => hook.now.status === "queued");
  act(() => hook.now.reset());
  expect([hook.now.status, hook.now.job]).toEqual(["idle", undefined]);
  await waitFor(isCanceled);
  expect(hook.now.status).toBe("idle");
});

test("the functions stay the same, and use the client of the last render", async () => {
  const clients = ["avk_old", "avk_new"].map((apiKey) => new Avatar({ apiKey, baseUrl: given.api.url }));
  const hook = await renderHook(() => useGeneration((clients.shift() ?? given.avatar) as Avatar));
  const first = hook.now;
  await hook.render();
  for (const name of ["start", "resume", "cancel", "reset"] as const)
    expect(hook.now[name]).toBe(first[name]);
  act(() => void first.resume("job_1"));
  await until(() => hook.now.status === "failed");
  expect(given.api.seen("GET /v1/jobs/:id").map(({ headers }) => headers.authorization)).toEqual([
    "Bearer avk_new",
  ]);
});

test("on a server it is idle", () => {
  const Page = () => createElement("p", null, useGeneration(given.avatar).status);
  expect(renderToString(createElement(Page))).toBe("<p>idle</p>");
});

test("an error of an async callback is the error of the generation", async () => {
  const hook = await renderGeneration();
  const onUpdate = async () => expect.fail("no state");
  act(() => void hook.now.start(files(), { onUpdate }));
  await until(() => hook.now.status === "failed");
  expect(hook.now.error).toMatchObject({ code: "unexpected", detail: "no state" });
});
