import { afterAll, beforeAll, expect, test } from "vitest";
import { uploads } from "../src/db/schema/schema.ts";
import { insertJob } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ dispatcher: { maxRunsInFlight: 0 } });
});
afterAll(() => api.stop());

const upload = { contentType: "image/png", bytes: 100 };

test("a batch of queries is answered", async () => {
  const { id } = await insertJob(api);
  const [job, page] = await Promise.all([api.trpc.jobs.get.query({ id }), api.trpc.jobs.list.query({})]);
  expect([job.id, page.items.at(0)?.id]).toEqual([id, id]);
});

test("a batch of 100 queries is answered", async () => {
  const answers = await Promise.all(Array.from({ length: 100 }, () => api.trpc.keys.current.query({})));
  expect(new Set(answers.map(({ id }) => id)).size).toBe(1);
});

test("a batch that is too long for its path says so", async () => {
  const { status, body } = await api.rest(
    "GET",
    `/trpc/${Array(500).fill("keys.current").join(",")}?batch=1`,
  );
  expect([status, body.code]).toEqual([400, "invalid_input"]);
  expect(body.detail).toContain("Send the calls of a batch in several requests.");
});

test.each(["/trpc/uploads.create,uploads.create?batch=1", "/trpc/uploads.create%2Cuploads.create?batch=1"])(
  "a batch of two mutations is refused: %s",
  async (path) => {
    const { status, body } = await api.rest("POST", path, { 0: upload, 1: upload });
    expect(status).toBe(400);
    expect(body.error.data.code).toBe("batch_not_allowed");
    expect(await api.db.$count(uploads)).toBe(0);
  },
);

test.each(["GET", "POST"])("a comma that is encoded twice makes no batch of a %s", async (method) => {
  const name = method === "GET" ? "jobs.list" : "uploads.create";
  const path = `/trpc/${name}%252C${name}?batch=1`;
  const { status, body } = await api.rest(
    method,
    path,
    method === "GET" ? undefined : { 0: upload, 1: upload },
  );
  expect([status, body.length, body[0].error.data.code]).toEqual([404, 1, "not_found"]);
  expect(await api.db.$count(uploads)).toBe(0);
});

test("a batch of a query and a mutation is refused", async () => {
  const input = encodeURIComponent(JSON.stringify({ 0: {}, 1: upload }));
  const { status, body } = await api.rest("GET", `/trpc/jobs.list,uploads.create?batch=1&input=${input}`);
  expect({ status, code: body.error.data.code }).toEqual({ status: 400, code: "invalid_input" });
  expect(await api.db.$count(uploads)).toBe(0);
});

test.each([
  ["a query by POST", "POST", "/trpc/jobs.list", "method_not_allowed", 405],
  ["a mutation by GET", "GET", "/trpc/uploads.create", "method_not_allowed", 405],
  ["an unknown procedure", "GET", "/trpc/jobs.nope", "not_found", 404],
  ["input that is not JSON", "GET", "/trpc/jobs.list?input={", "malformed_json", 400],
])("%s is a problem in tRPC's envelope", async (_what, method, path, code, status) => {
  const answer = await api.rest(method, path, method === "POST" ? {} : undefined);
  expect(answer.status).toBe(status);
  expect(answer.body.error.data).toMatchObject({ code, status, httpStatus: status });
});

test("a client gets the problem in the data of its error", async () => {
  await expect(api.trpc.jobs.get.query({ id: "job_none" })).rejects.toMatchObject({
    name: "TRPCClientError",
    message: "No such job.",
    data: { code: "job_not_found", status: 404, requestId: expect.stringMatching(/^req_/) },
  });
});

test("a body without a type is refused in JSON", async () => {
  const { status, headers, body } = await api.rest("POST", "/trpc/uploads.create");
  expect({ status, type: headers.get("content-type") }).toEqual({ status: 415, type: "application/json" });
  expect(body.error.data.code).toBe("unsupported_content_type");
});

test.each([
  ["a call", "/trpc/jobs.get?input=3"],
  ["a batch", "/trpc/jobs.get,jobs.nope?batch=1&input={}"],
  ["what is no call", "/trpc/jobs.list,uploads.create?batch=1"],
])("the refusal of %s names its request", async (_what, path) => {
  const { headers, body } = await api.rest("GET", path);
  for (const { error } of [body].flat()) expect(error.data.requestId).toBe(headers.get("x-request-id"));
});

test("a form is refused: tRPC takes JSON", async () => {
  const { status, body } = await api.rest("POST", "/trpc/jobs.create", new FormData());
  expect({ status, code: body.error.data.code }).toEqual({ status: 415, code: "unsupported_content_type" });
});
