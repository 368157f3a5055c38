import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { beginRequest } from "./support/begin-request.ts";
import { FORM_TYPE } from "./support/multipart.ts";
import { rawAnswer } from "./support/raw-answer.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { createTestDatabase, type TestDatabase } from "./support/test-database.ts";

let database: TestDatabase;
let api: TestApi;
beforeAll(async () => {
  database = await createTestDatabase(undefined, "disk"); // Bodies for a bucket do not come here.
  api = await startTestApi({ database, dispatcher: { maxRunsInFlight: 0 } });
});
afterAll(async () => {
  await api.stop();
  await database.remove();
});

const JSON_TYPE = { "content-type": "application/json" };
const WRONG = { authorization: "Bearer wrong" };

/** All that is said to a client that asks whether to send a body, and sends none, until the connection ends. */
function whatIsSaid(url: string, method: string, path: string, headers: Record<string, string>) {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  onTestFinished(() => void socket.destroy());
  const all = { host: "a", authorization: `Bearer ${api.apiKey}`, expect: "100-continue", ...headers };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
  socket.write(`${method} ${path} HTTP/1.1\r\n${lines.join("")}content-length: 1000\r\n\r\n`);
  return text(socket);
}

describe("who asks before sending a body is refused at once, and the connection is closed:", () => {
  test.each([
    ["a form with a wrong key", 401, "POST", "/v1/jobs", { ...FORM_TYPE, ...WRONG }],
    ["JSON with a wrong key", 401, "POST", "/trpc/uploads.create", { ...JSON_TYPE, ...WRONG }],
    ["an upload without a link", 403, "PUT", "/objects/uploads/a?signature=b", JSON_TYPE],
    ["a wrong method", 405, "POST", "/v1/limits", JSON_TYPE],
    ["no route", 404, "POST", "/nope", JSON_TYPE],
  ])("%s", async (_what, status, method, path, headers) => {
    const said = await whatIsSaid(api.url, method, path, headers);
    expect(said).toMatch(new RegExp(`^HTTP/1.1 ${status} .*connection: close\r\n`, "is"));
  });

  test("a wrong link, whatever it is for", async () => {
    const { body: upload } = await api.rest("POST", "/v1/uploads", { contentType: "image/png", bytes: 9 });
    const { pathname, search } = new URL(upload.url);
    const said = await whatIsSaid(api.url, "PUT", pathname + search, upload.headers);
    expect(said).toMatch(/^HTTP\/1.1 413 .*connection: close\r\n/is);
  });

  test("where there is too much to do", async () => {
    const full = await startTestApi({ loadLimits: { work: 0, uploads: 0, waits: 0 } });
    onTestFinished(() => full.stop());
    const said = await whatIsSaid(full.url, "POST", "/v1/jobs", FORM_TYPE);
    expect(said).toMatch(/^HTTP\/1.1 503 .*connection: close\r\n/is);
  });
});

test("who asks before sending a body is told to, and answered", async () => {
  const json = await beginRequest(api, "POST", "/v1/uploads", JSON_TYPE);
  json.sent.end(JSON.stringify({ contentType: "image/png", bytes: 3 }));
  expect(await json.status).toBe(201);

  const { body: upload } = await api.rest("POST", "/v1/uploads", { contentType: "image/png", bytes: 3 });
  const put = await beginRequest(api, "PUT", upload.url, { ...upload.headers, "content-length": "3" });
  put.sent.end("abc");
  expect(await put.status).toBe(200);
});

test("who expects anything else is answered as if it did not", async () => {
  const headers = { authorization: `Bearer ${api.apiKey}`, expect: "more" };
  expect(await rawAnswer(api, "GET", "/v1/limits", headers)).toMatch(/^HTTP\/1.1 200 /);
  expect(await rawAnswer(api, "GET", "/v1/limits", { expect: "more" })).toMatch(/^HTTP\/1.1 401 .*"code"/s);
});
