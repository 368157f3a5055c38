import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { LIMITS } from "@avatar/contract/limits";
import { expect, test } from "vitest";
import { png } from "./support/use-fake-api.ts";
import { pageOf, uploaded, useProxy } from "./support/use-proxy.ts";

const given = useProxy();
const { ask, post } = given;

/** Sends bytes as they are, of a signed-in user unless they say otherwise. @returns the status and the body */
async function sendRaw(requestLine: string, headers: string[] = [], body = "") {
  const socket = connect(given.app.port, "127.0.0.1");
  const own = headers.some((header) => /^host:/i.test(header)) ? [] : ["Host: app.example"];
  const head = [requestLine, ...own, "Cookie: session=ada", "Connection: close", ...headers];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  const answer = await text(socket);
  return { status: Number(answer.split(" ")[1]), body: answer.slice(answer.indexOf("\r\n\r\n")) };
}

test.each([
  "/api/avatar/v1/keys",
  "/api/avatar/v1/keys/current",
  "/api/avatar/v1/child-keys",
  "/api/avatar/v1/usage?owner=*",
  "/api/avatar/v1/errors",
  "/api/avatar/trpc/jobs.list",
  "/api/avatar/objects/uploads/upload_1",
  "/api/avatar/metrics",
  "/api/avatar/openapi.json",
  "/api/avatar/",
  "/",
  "/api/avatar/v1/jobs/../keys",
  "/api/avatar/v1/jobs/%2e%2e/keys",
  "/api/avatar/v1/jobs/..%2fkeys",
  "/api/avatar/v1/jobs/..%5ckeys",
  "/api/avatar/v1/jobs/job_1%2f..%2f..%2fkeys",
  "/api/avatar/v1/jobs/job_1%252f..%252fkeys/result",
  "/api/avatar/v1/jobs/..;/keys",
  "/api/avatar/v1/jobs/.",
  "/api/avatar/v1/jobs//result",
  "/api/avatar/v1/jobs/job_1/runs",
  "/api/avatar/v1/jobs/job_1/result/",
  "/api/avatar/v1/jobs/@evil.example/result",
  "/api/avatar/v1/jobs/http:%2f%2fevil.example",
  "/api/avatar/v1/jobs/http://evil.example",
  `/api/avatar/v1/jobs/${"a".repeat(65)}`,
  "/api/avatar/v1/jobs/job_%00",
  "/api/avatar/v1/jobs/j%C3%B6b",
  "/api/avatar/v1/limits%00",
  "/api/avatar/v1/limits.json",
  "/api/avatar/http://evil.example/",
  "//evil.example/v1/keys",
  "/\\evil.example/v1/keys",
  "http://evil.example/v1/keys",
])("%s leads nowhere, and the API is not asked", async (target) => {
  const { status, body } = await sendRaw(`GET ${target} HTTP/1.1`);
  expect(status).toBe(404);
  expect(body).toContain('"code":"not_found"');
  expect(given.asked).toEqual([]);
});

test.each([
  "//evil.example/v1/limits",
  "http://evil.example/v1/limits",
  "http://evil.example:443/api/avatar/v1/jobs/../limits",
  "/?url=http://evil.example/&x=/v1/keys",
  "/api/avatar/v1/limits",
])("%s leads to the API's own host or nowhere", async (target) => {
  await sendRaw(`GET ${target} HTTP/1.1`, ["Host: evil.example", "X-Forwarded-Host: evil.example"]);
  const urls = given.asked.map(({ origin, path }) => origin + path);
  expect(urls).toEqual(target.includes("limits") ? [`${given.api.url}/v1/limits`] : []);
});

test.each([
  ["DELETE", "/v1/jobs/job_1", "GET"],
  ["GET", "/v1/jobs", "POST"],
  ["HEAD", "/v1/limits", "GET"],
  ["OPTIONS", "/v1/jobs", "POST"],
  ["PATCH", "/v1/jobs/job_1", "GET"],
  ["PUT", "/v1/uploads", "POST"],
  ["POST", "/v1/limits", "GET"],
  ["POST", "/v1/jobs/job_1/result", "GET"],
  ["GET", "/v1/jobs/job_1/cancel", "POST"],
  ["PROPFIND", "/v1/limits", "GET"],
])("%s %s is refused with the method that works", async (method, path, allow) => {
  const response = await fetch(`${given.app.url}/api/avatar${path}`, {
    method,
    headers: { cookie: "session=ada", "x-http-method-override": allow },
  });
  await response.body?.cancel();
  expect([response.status, response.headers.get("allow")]).toEqual([405, allow]);
  expect(given.asked).toEqual([]);
});

test.each([
  "text/plain",
  "text/plain; application/json",
  "application/x-www-form-urlencoded",
  "multipart/form-data; boundary=x",
  "application/jsonp",
])("what another site's page can send in a user's name, as %s, makes nothing", async (contentType) => {
  for (const path of ["/v1/jobs", "/v1/uploads", "/v1/estimate"]) {
    const { status, body } = await post(path, await anInput(), { "content-type": contentType });
    expect([status, body.code]).toEqual([415, "unsupported_content_type"]);
  }
  expect(given.asked).toEqual([]);
});

const anInput = async () => ({ image: "upload_1", audio: "upload_2" });

test.each(["/v1/jobs", "/v1/uploads", "/v1/estimate"])(
  "a huge body to %s is not read to its end",
  async (path) => {
    const line = `POST /api/avatar${path} HTTP/1.1`;
    const type = "Content-Type: application/json";
    const declared = await sendRaw(line, [type, "Content-Length: 99999999999"]);
    const chunk = " ".repeat(LIMITS.jsonBodyBytes + 1);
    const chunks = `${chunk.length.toString(16)}\r\n${chunk}\r\n`;
    const endless = await sendRaw(line, [type, "Transfer-Encoding: chunked"], chunks);
    for (const { status, body } of [declared, endless]) {
      expect(status).toBe(413);
      expect(body).toContain('"code":"body_too_large"');
    }
    expect(given.asked).toEqual([]);
  },
);

test.each([
  ["not JSON", "{", "malformed_json"],
  ["nothing", "", "malformed_json"],
  ["null", "null", "invalid_input"],
  ["a list", "[]", "invalid_input"],
  ["text", '"job"', "invalid_input"],
  ["deeply nested", "[".repeat(60_000), "malformed_json"],
  ["labelled with a list", '{"metadata":["user"]}', "invalid_input"],
  ["labelled with text", '{"metadata":"user"}', "invalid_input"],
  ["labelled with null", '{"metadata":null}', "invalid_input"],
])("a job that is %s is refused before the API is asked", async (_, json, code) => {
  const { status, body } = await post("/v1/jobs", json);
  expect([status, body.code]).toEqual([400, code]);
  expect(given.asked).toEqual([]);
});

test.each([
  '"metadata":{"user":"ada"}',
  '"metadata":{"user":"ada"},"metadata":{"user":"ada"}',
  '"metadata":{"user":"eve","user":"ada"}',
  '"metadata":{"\\u0075ser":"ada"}',
])("a job with %s is made in the sender's own name", async (metadata) => {
  const { image, audio } = await uploaded();
  const json = `{"image":"${image}","audio":"${audio}",${metadata}}`;
  const { body } = await post("/v1/jobs", json, {}, "eve");
  expect(body.metadata).toEqual({ user: "eve" });
});

test.each(['"__proto__":{"metadata":{"user":"ada"}}', '"metadata":{"__proto__":{"user":"ada"}}'])(
  "a label that hides in a prototype, as %s, makes no job",
  async (hidden) => {
    const json = JSON.stringify(await uploaded()).replace("{", `{${hidden},`);
    expect((await post("/v1/jobs", json, {}, "eve")).status).toBe(400);
  },
);

test.each([
  [
    "a body of two lengths",
    ["Content-Length: 2", "Transfer-Encoding: chunked"],
    "0\r\n\r\nGET /v1/keys HTTP/1.1",
  ],
  ["two lengths", ["Content-Length: 2", "Content-Length: 99"], "{}"],
])("%s does not reach the API", async (_, headers, body) => {
  const type = "Content-Type: application/json";
  const { status } = await sendRaw("POST /api/avatar/v1/estimate HTTP/1.1", [type, ...headers], body);
  expect(status).toBe(400);
  expect(given.asked).toEqual([]);
});

test("headers that name, close or change the connection stay with the proxy", async () => {
  const hop = ["TE: trailers", "Upgrade: h2c", "Proxy-Authorization: Basic eA==", "Expect: 100-continue"];
  await sendRaw("GET /api/avatar/v1/limits HTTP/1.1", ["Keep-Alive: 1", "X-Api-Key: avk_live_x", ...hop]);
  expect(given.asked.map(({ headers }) => [...headers.keys()])).toEqual([["authorization"]]);
});

test("a query does not change which job is asked for", async () => {
  const { id } = await pageOf("ada").jobs.create(await uploaded());
  expect((await ask(`/v1/jobs/${id}?id=job_1`)).body.code).toBe("unknown_field");
  expect((await ask(`/v1/jobs/${id}?wait=0&wait=1`)).status).toBe(400);
  await pageOf("ada").jobs.cancel(id);
});

test("an upload's bytes go to the store, not through the proxy", async () => {
  await pageOf("ada").upload(png());
  expect(given.asked.map(({ method, path }) => `${method} ${path}`)).toEqual(["POST /v1/uploads"]);
});
