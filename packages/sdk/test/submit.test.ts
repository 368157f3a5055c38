import { expect, test } from "vitest";
import { waitFor } from "./support/fake-api.ts";
import { errorOf, files, useFakeApi } from "./support/use-fake-api.ts";

const given = useFakeApi();

test("a job is made, and nobody waits for it", async () => {
  const { api, avatar } = given;
  api.script = [{ status: "queued" }];
  const job = await avatar.submit(files(), { idempotencyKey: "order-7" });
  expect(job).toMatchObject({ id: "job_1", status: "queued" });
  expect(api.count("GET /v1/jobs/:id")).toBe(0);
  expect((await avatar.submit(files(), { idempotencyKey: "order-7" })).id).toBe("job_1");
});

test("a reply that is lost makes no second job", async () => {
  const { api, avatar } = given;
  api.fail("POST /v1/jobs", "lost-reply");
  await avatar.submit(files());
  expect(api.jobs.size).toBe(1);
});

test("an abort while the job is being made cancels it", async () => {
  const { api, avatar } = given;
  api.fail("POST /v1/jobs", "lost-reply");
  const controller = new AbortController();
  const submitted = avatar.submit(files(), { signal: controller.signal });
  await api.reached("POST /v1/jobs");
  controller.abort();
  expect(await errorOf(submitted)).toMatchObject({ code: "aborted" });
  await waitFor(() => api.jobs.get("job_1")?.job.status === "canceled");
});

test("an abort before that makes none", async () => {
  const { api, avatar } = given;
  const controller = new AbortController();
  const onUpload = () => controller.abort();
  expect(await errorOf(avatar.submit(files(), { signal: controller.signal, onUpload }))).toMatchObject({
    code: "aborted",
  });
  expect(api.count("POST /v1/jobs")).toBe(0);
});

test("files that are no good are refused before anything is sent", async () => {
  const { api, avatar } = given;
  const error = await errorOf(avatar.submit({ ...files(), image: new Blob(["GIF89a"]) }));
  expect(error).toMatchObject({ code: "unsupported_image" });
  expect(api.count("POST /v1/uploads")).toBe(0);
});
