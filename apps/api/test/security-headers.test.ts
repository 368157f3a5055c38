import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { aJobInput } from "./support/refusals.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { createTestDatabase, type TestDatabase } from "./support/test-database.ts";

const HEADERS = {
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};
const OF_LINKS = { ...HEADERS, "cross-origin-resource-policy": "cross-origin" };
const JSON_TYPE = { "content-type": "application/json" };

let database: TestDatabase;
let api: TestApi;
beforeAll(async () => {
  database = await createTestDatabase(undefined, "disk"); // Links into a bucket are answered by the bucket.
  api = await startTestApi({ database });
});
afterAll(async () => {
  await api.stop();
  await database.remove();
});

/** What a server says to bytes that are no HTTP, by the names of its headers. */
async function answerToNoise(url: string): Promise<Record<string, string>> {
  const socket = connect(Number(new URL(url).port), "127.0.0.1");
  socket.write("hello\r\n\r\n");
  const [head = ""] = (await text(socket)).split("\r\n\r\n");
  const [, ...lines] = head.split("\r\n");
  return Object.fromEntries(lines.map((line) => line.split(/: (.*)/, 2)));
}

describe("the security headers are on every answer:", () => {
  const withKey = () => ({ authorization: `Bearer ${api.apiKey}` });
  test.each<[string, number, string, string, RequestInit?]>([
    ["of health", 200, "GET", "/healthz"],
    ["of the OpenAPI document", 200, "GET", "/openapi.json"],
    ["of a page about an error", 200, "GET", "/docs/errors/internal"],
    ["to a request with a key", 200, "GET", "/v1/limits"],
    ["to one through tRPC", 200, "GET", "/trpc/limits.get?input=%7B%7D"],
    ["of an unknown route", 404, "GET", "/v1/nope"],
    ["of an unknown procedure", 404, "GET", "/trpc/nope"],
    ["of a path that cannot be decoded", 404, "GET", "/v1/jobs/%zz"],
    ["to a request without a key", 401, "GET", "/v1/jobs", { headers: {} }],
    ["to one through tRPC without a key", 401, "GET", "/trpc/jobs.list", { headers: {} }],
    ["of the metrics, without their token", 401, "GET", "/metrics"],
    ["to a method that is not taken", 405, "PUT", "/v1/limits"],
    ["to broken JSON", 400, "POST", "/v1/uploads", { body: "{" }],
  ])("%s", async (_what, status, method, path, init) => {
    const headers = { ...withKey(), ...(init?.body !== undefined && JSON_TYPE) };
    const answer = await fetch(new URL(path, api.url), { method, headers, ...init });
    expect(answer.status).toBe(status);
    expect(Object.fromEntries(answer.headers)).toMatchObject(HEADERS);
    expect(answer.headers.has("strict-transport-security")).toBe(false);
  });

  test("to what is no HTTP", async () => {
    expect(await answerToNoise(api.url)).toMatchObject(HEADERS);
  });

  test("of a signed link, whose video any page may show", async () => {
    const { body } = await api.rest("POST", "/v1/jobs", await aJobInput(api));
    await api.rest("GET", `/v1/jobs/${body.id}?wait=30&after=99`);
    const { url } = (await api.rest("GET", `/v1/jobs/${body.id}/result`)).body;
    const ask = async (init: RequestInit) => {
      const { status, headers } = await fetch(url, init);
      return { status, ...Object.fromEntries(headers) };
    };
    const video = { ...OF_LINKS, "cache-control": "private, no-store", "accept-ranges": "bytes" };
    expect(await ask({})).toMatchObject({ status: 200, ...video, "content-type": "video/mp4" });
    expect(await ask({ method: "HEAD" })).toMatchObject({ status: 200, ...video });
    expect(await ask({ headers: { range: "bytes=0-9" } })).toMatchObject({ status: 206, ...video });
    expect(await ask({ method: "OPTIONS" })).toMatchObject({ status: 204, ...OF_LINKS });
    expect(await ask({ method: "PUT" })).toMatchObject({ status: 403, ...OF_LINKS });
  });
});

test("a server that is reached by https says so on every answer", async () => {
  const secure = await startTestApi({ config: { publicBaseUrl: "https://api.example.com" } });
  onTestFinished(() => secure.stop());
  for (const path of ["/healthz", "/v1/jobs", "/nope", "/v1/jobs/%zz"]) {
    const { headers } = await fetch(new URL(path, secure.url));
    expect(headers.get("strict-transport-security")).toBe("max-age=31536000");
  }
  expect(await answerToNoise(secure.url)).toMatchObject({ "strict-transport-security": "max-age=31536000" });
});
