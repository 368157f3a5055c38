import { once } from "node:events";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { throughRest } from "./support/doors.ts";
import { insertJob } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { countWaiting } from "./support/waiting.ts";

describe("every answer", () => {
  let api: TestApi;
  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api.stop());
  const get = (path: string) => fetch(new URL(path, api.url));

  test("carries the id of its request, and no type is guessed from it", async () => {
    const ids = new Set<string | null>();
    for (const path of ["/healthz", "/nope", "/v1/jobs", "/trpc/jobs.list", "/openapi.json"]) {
      const { headers } = await get(path);
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
      ids.add(headers.get("x-request-id"));
    }
    expect(ids.size).toBe(5);
  });

  test("to a path that cannot be decoded, too", async () => {
    const answer = await get("/v1/jobs/%zz");
    const { requestId } = (await answer.json()) as { requestId: string };
    expect(requestId).toMatch(/^req_/);
    expect(answer.headers.get("x-request-id")).toBe(requestId);
  });
});

test.each([
  [
    "no HTTP",
    "hello\r\n\r\n",
    "400 Bad Request",
    { code: "invalid_input", status: 400, detail: "This is not HTTP." },
  ],
  [
    "endless headers",
    `GET / HTTP/1.1\r\nhost: a\r\nx: ${"x".repeat(20_000)}\r\n\r\n`,
    "431 Request Header Fields Too Large",
    { code: "headers_too_large", status: 431 },
  ],
])("%s is answered as a problem", async (_what, sent, status, expected) => {
  const api = await startTestApi();
  const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
  socket.write(sent);
  const [head = "", body = ""] = (await text(socket)).split("\r\n\r\n");
  await api.stop();
  const problem = JSON.parse(body);
  expect(problem).toMatchObject({ ...expected, hint: expect.any(String) });
  expect(head.split("\r\n")).toEqual(
    expect.arrayContaining([
      `HTTP/1.1 ${status}`,
      "content-type: application/problem+json; charset=utf-8",
      `x-request-id: ${problem.requestId}`,
    ]),
  );
});

// A connection that is kept alive would outlast these tests.
test("a wait is answered when the server stops, and its connection closed", async () => {
  const waiting = countWaiting();
  const api = await startTestApi({ ...waiting.overrides, dispatcher: { maxRunsInFlight: 0 } });
  const { id } = await insertJob(api);
  const answer = throughRest(api, "jobs.get", { input: { id, wait: 30 } });
  await waiting.reaches(1);
  await api.stop();
  expect((await answer).body).toMatchObject({ id, status: "queued" });
});

test("a request that was under way when the server began to stop is answered", async () => {
  const api = await startTestApi();
  const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
  await once(socket, "connect");
  await api.rest("GET", "/healthz"); // By now the server knows the connection.
  const stopped = api.stopAtOnce();
  socket.write("GET /healthz HTTP/1.1\r\nhost: a\r\n\r\n");
  expect(await text(socket)).toMatch(/^HTTP\/1\.1 200 OK\r\n.*connection: close\r\n/s);
  await stopped;
});

test.each([
  ["never sends a request", ""],
  ["never finishes its headers", "GET /v1/jobs HTTP/1.1\r\n"],
])("a connection that %s does not keep the server from stopping", async (_what, sent) => {
  const api = await startTestApi();
  const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
  await once(socket, "connect");
  socket.write(sent);
  await api.rest("GET", "/healthz"); // By now the server knows the connection.
  const closed = once(socket, "close");
  await api.stop();
  await closed;
});
