import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { throughBothDoors, throughTrpc } from "./support/doors.ts";
import { aJobInput } from "./support/refusals.ts";
import { insertJob } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

let api: TestApi;
let id: string;
beforeAll(async () => {
  api = await startTestApi({ dispatcher: { maxRunsInFlight: 0 } });
  ({ id } = await insertJob(api));
});
afterAll(() => api.stop());

const JSON_TYPE = { "content-type": "application/json" };
const text = (value: string) => Buffer.from(value); // Without a Content-Type of its own.

describe("query fields", () => {
  test.each(["abc", "", " 1", "0x1", "1e", "31", "-1"])("wait=%s is refused", async (wait) => {
    const { status, body } = await api.rest("GET", `/v1/jobs/${id}?wait=${wait}`);
    expect({ status, path: body.issues[0].path }).toEqual({ status: 400, path: "wait" });
  });

  test("a mistake in a query is told in the words of the tRPC door", async () => {
    const { body } = await throughBothDoors(api, "jobs.get", { input: { id, wait: "abc", nope: 1 } });
    expect(body.issues.map((issue: { path: string }) => issue.path)).toEqual(["wait", "nope"]);
  });

  test("a field that is given twice is refused", async () => {
    const { body } = await api.rest("GET", `/v1/jobs/${id}?wait=1&wait=2`);
    expect(body.code).toBe("invalid_input");
  });

  test.each(["__proto__", "constructor", "id"])("%s is no field", async (name) => {
    const { body } = await api.rest("GET", `/v1/jobs/${id}?${name}=1`);
    expect(body).toMatchObject({ code: "unknown_field", issues: [{ path: name }] });
  });

  test("a POST takes none", async () => {
    const { body } = await api.rest("POST", `/v1/jobs/${id}/cancel?x=1`);
    expect(body).toMatchObject({ code: "unknown_field", issues: [{ path: "x" }] });
  });

  test("numbers as text are refused by tRPC, also after REST took some", async () => {
    expect((await api.rest("GET", `/v1/jobs/${id}?wait=0&after=0`)).status).toBe(200);
    expect((await api.rest("GET", "/v1/jobs?limit=3")).status).toBe(200);
    const get = await throughTrpc(api, "jobs.get", { input: { id, wait: "0" } });
    const list = await throughTrpc(api, "jobs.list", { input: { limit: "3" } });
    expect([get.status, list.status]).toEqual([400, 400]);
  });
});

describe("path ids", () => {
  test("are decoded", async () => {
    const { status, body } = await api.rest("GET", `/v1/jobs/${id.replace("_", "%5F")}`);
    expect({ status, id: body.id }).toEqual({ status: 200, id });
  });

  test.each([
    ["that cannot be decoded", "%zz", "not_found"],
    ["with a NUL byte", "%00", "invalid_input"],
    ["of 2,000 characters", "x".repeat(2000), "invalid_input"],
    ["that are empty", "", "invalid_input"],
    ["with an encoded slash", "a%2Fb", "job_not_found"],
  ])("%s are answered with a problem", async (_what, path, code) => {
    const { headers, body } = await api.rest("GET", `/v1/jobs/${path}`);
    expect(body).toMatchObject({ code, requestId: expect.stringMatching(/^req_/) });
    expect(headers.get("content-type")).toBe("application/problem+json; charset=utf-8");
  });

  test("cannot be given a second time in the body", async () => {
    const { body } = await api.rest("POST", `/v1/jobs/${id}/cancel`, { id });
    expect(body).toMatchObject({ code: "unknown_field", issues: [{ path: "id" }] });
  });
});

describe("methods", () => {
  test.each([
    ["/v1/jobs", "PUT", "GET, HEAD, POST"],
    ["/v1/jobs", "OPTIONS", "GET, HEAD, POST"],
    ["/v1/jobs/job_1", "POST", "GET, HEAD, DELETE"],
    ["/v1/jobs/job_1/cancel", "GET", "POST"],
    ["/v1/jobs/job_1/cancel", "OPTIONS", "POST"],
    ["/v1/jobs/job_1/result", "DELETE", "GET, HEAD"],
    ["/v1/uploads", "PATCH", "POST"],
    ["/trpc/jobs.list", "PUT", "GET, HEAD, POST"],
    ["/healthz", "POST", "GET, HEAD"],
    ["/openapi.json", "DELETE", "GET, HEAD"],
    ["/docs/errors/internal", "OPTIONS", "GET, HEAD"],
    ["/metrics", "POST", "GET, HEAD"],
  ])("%s refuses %s and names %s", async (path, method, allow) => {
    const { status, headers, body } = await api.rest(method, path);
    expect({ status, code: body.code, allow: headers.get("allow") }).toEqual({
      status: 405,
      code: "method_not_allowed",
      allow,
    });
  });

  test("a wrong method is told before a wrong body", async () => {
    const { status } = await api.rest("PUT", "/v1/jobs", "text");
    expect(status).toBe(405);
  });

  test("a wrong method is told to anybody", async () => {
    const answer = await fetch(new URL("/v1/jobs", api.url), { method: "OPTIONS" });
    expect([answer.status, answer.headers.get("allow")]).toEqual([405, "GET, HEAD, POST"]);
  });

  test.each(["GET", "OPTIONS", "POST", "PROPFIND"])("%s of an unknown route is not_found", async (method) => {
    for (const path of ["/v1/nope", "/nope", "/v1/jobs/job_1/nope"])
      expect((await api.rest(method, path)).body.code).toBe("not_found");
  });
});

describe("bodies", () => {
  test.each([
    ["nothing", undefined, undefined],
    ["nothing, said to be JSON", undefined, JSON_TYPE],
    ["an empty object", {}, undefined],
  ])("cancel takes %s", async (_what, body, headers) => {
    const { status } = await api.rest("POST", `/v1/jobs/${id}/cancel`, body, headers);
    expect(status).toBe(200);
  });

  test.each(["null", "[]", '"text"', "3", "true"])("%s is no input, through both doors", async (body) => {
    const answer = await throughBothDoors(api, "uploads.create", { body });
    expect(answer.body).toMatchObject({ code: "invalid_input", issues: [{ path: "" }] });
  });

  test.each([
    [
      "__proto__",
      '{"__proto__":{"contentType":"image/png"},"contentType":"image/png","bytes":1}',
      "__proto__",
    ],
    ["an array", '{"contentType":["image/png"],"bytes":1}', "contentType"],
    ["a number as text", '{"contentType":"image/png","bytes":"1"}', "bytes"],
    ["an object, 9,000 deep", `{"bytes":${'{"a":'.repeat(9000)}1${"}".repeat(9000)}}`, "bytes"],
    ["an array, 30,000 deep", `{"bytes":${"[".repeat(30_000)}${"]".repeat(30_000)}}`, "bytes"],
  ])("%s as a field is refused alike through both doors", async (_what, body, path) => {
    const answer = await throughBothDoors(api, "uploads.create", { body });
    expect(answer.status).toBe(400);
    expect(answer.body.issues).toContainEqual(expect.objectContaining({ path }));
  });

  test("of a label's name is told what is wrong with it", async () => {
    const input = { ...(await aJobInput(api)), metadata: { ["x".repeat(41)]: "" } };
    const { body } = await throughBothDoors(api, "jobs.create", { input });
    expect(body).toMatchObject({ code: "invalid_input", detail: expect.stringContaining("<=40 characters") });
  });

  test("what is no UTF-8 is refused, not stored as something else, through both doors", async () => {
    const body = Buffer.from('{"contentType":"image/png","bytes":1,"sha256":"\xff"}', "latin1");
    const rest = await api.rest("POST", "/v1/uploads", body, JSON_TYPE);
    const trpc = await api.rest("POST", "/trpc/uploads.create", body, JSON_TYPE);
    for (const problem of [rest.body, trpc.body.error.data])
      expect(problem).toMatchObject({ code: "malformed_json", detail: "The body is not UTF-8." });
  });

  test("a type with parameters and capitals is JSON", async () => {
    const headers = { "content-type": "Application/JSON; charset=utf-8" };
    const { status } = await api.rest("POST", "/v1/uploads", { contentType: "image/png", bytes: 1 }, headers);
    expect(status).toBe(201);
  });

  test("a body without a type is refused", async () => {
    const { body } = await api.rest("POST", "/v1/uploads", text("{}"));
    expect(body.code).toBe("unsupported_content_type");
  });

  test("a DELETE takes none", async () => {
    const { body } = await api.rest("DELETE", `/v1/jobs/${id}`, {});
    expect(body.code).toBe("invalid_input");
  });

  test.each([
    ["a NUL in the prompt", { prompt: "a\0b" }, "prompt"],
    ["half a surrogate pair in the prompt", { prompt: "\ud800" }, "prompt"],
    ["a NUL in metadata", { metadata: { label: "a\0b" } }, "metadata.label"],
    ["half a surrogate pair in metadata", { metadata: { label: "\ud800" } }, "metadata.label"],
    ["a NUL in a name in metadata", { metadata: { "a\0b": "" } }, "metadata.a\0b"],
  ])("%s is refused, because no database stores it", async (_what, settings, path) => {
    const input = { ...(await aJobInput(api)), ...settings };
    const { body } = await throughBothDoors(api, "jobs.create", { input });
    expect(body).toMatchObject({ code: "invalid_input", issues: [{ path }] });
  });
});
