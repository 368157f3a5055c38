import { createTRPCClient, httpBatchLink } from "@trpc/client";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Router } from "../src/trpc/router.ts";
import { aPng } from "./media/media-files.ts";
import { makeKey } from "./support/keys.ts";
import { rawAnswer } from "./support/raw-answer.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { createTestDatabase, databaseKind, type TestDatabase } from "./support/test-database.ts";

const ORIGIN = "https://app.example.com";
const OTHER = "http://localhost:5173";

let database: TestDatabase;
let api: TestApi;
beforeAll(async () => {
  // A bucket has rules of its own: see signed-links.test.ts.
  database = await createTestDatabase(databaseKind, "disk");
  api = await startTestApi({
    database,
    dispatcher: { maxRunsInFlight: 0 },
    config: { corsOrigins: [ORIGIN, OTHER], keyLimits: { requestsPerMinute: 1000 } },
  });
});
afterAll(async () => {
  await api.stop();
  await database.remove();
});

const send = (method: string, path: string, headers: Record<string, string> = {}) =>
  fetch(new URL(path, api.url), { method, headers });
/** What a browser asks before it sends what is not a plain request. */
const ask = (path: string, origin = ORIGIN, method = "POST", headers = "authorization,content-type") =>
  send("OPTIONS", path, {
    origin,
    "access-control-request-method": method,
    "access-control-request-headers": headers,
  });
const listed = (headers: Headers, name: string) =>
  headers
    .get(name)
    ?.split(",")
    .map((each) => each.trim().toLowerCase()) ?? [];
const allowedOrigin = ({ headers }: { headers: Headers }) => headers.get("access-control-allow-origin");

const PATHS = ["/v1/jobs", "/v1/jobs/job_1/events", "/trpc/jobs.create", "/trpc/jobs.get,jobs.list?batch=1"];

describe("a browser's question", () => {
  test.each(PATHS)("about %s is answered without a key, for each configured origin", async (path) => {
    for (const origin of [ORIGIN, OTHER]) {
      const answer = await ask(path, origin);
      expect([answer.status, await answer.text(), allowedOrigin(answer)]).toEqual([204, "", origin]);
      expect(listed(answer.headers, "access-control-allow-methods")).toEqual(["get", "post", "delete"]);
      expect(listed(answer.headers, "access-control-allow-headers")).toEqual(
        expect.arrayContaining([
          ...["authorization", "x-api-key", "content-type", "idempotency-key", "last-event-id"],
          ...["trpc-accept", "x-trpc-source"],
        ]),
      );
      expect(answer.headers.get("vary")).toBe("origin");
      expect(answer.headers.get("x-request-id")).toMatch(/^req_/);
    }
  });

  test.each([
    "https://evil.example.com",
    "https://app.example.com.evil.example",
    "http://app.example.com",
    "https://app.example.com:8443",
    "https://APP.example.com",
    "https://sub.app.example.com",
    "null",
    "*",
  ])("from %s gets no leave", async (origin) => {
    for (const path of PATHS) {
      const answer = await ask(path, origin);
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(allowedOrigin(answer)).toBeNull();
    }
  });

  test("has no body", async () => {
    const headers = { origin: ORIGIN, "access-control-request-method": "POST" };
    expect(await rawAnswer(api, "OPTIONS", "/v1/jobs", headers, "{}")).toMatch(/^HTTP\/1.1 405 /);
  });

  test("does not count against a key", async () => {
    const key = await makeKey(api);
    const left = async () => Number((await key.rest("GET", "/v1/limits")).headers.get("ratelimit-remaining"));
    const before = await left();
    await send("OPTIONS", "/v1/jobs", {
      origin: ORIGIN,
      "access-control-request-method": "GET",
      authorization: `Bearer ${key.key}`,
    });
    expect(await left()).toBe(before - 1);
  });
});

describe("an answer to a page", () => {
  test("can be read, with its headers", async () => {
    const answer = await api.rest("GET", "/v1/jobs", undefined, { origin: ORIGIN });
    expect([answer.status, allowedOrigin(answer)]).toEqual([200, ORIGIN]);
    const exposed = listed(answer.headers, "access-control-expose-headers");
    expect(exposed).toEqual(
      expect.arrayContaining(["x-request-id", "location", "retry-after", "idempotency-replayed"]),
    );
    const ofLimit = [...answer.headers.keys()].filter((name) => name.startsWith("ratelimit"));
    expect(ofLimit).toHaveLength(4);
    expect(exposed).toEqual(expect.arrayContaining(ofLimit));
  });

  test.each([
    ["a wrong key", "GET", "/v1/jobs", 401],
    ["an unknown path", "GET", "/v1/nope", 404],
    ["another method", "PUT", "/v1/jobs", 405],
  ])("can be read where it is a refusal: %s", async (_what, method, path, status) => {
    const authorization = `Bearer ${status === 401 ? "nonsense" : api.apiKey}`;
    const answer = await send(method, path, { origin: ORIGIN, authorization });
    expect([answer.status, allowedOrigin(answer)]).toEqual([status, ORIGIN]);
  });

  test("of another origin cannot be read, and says nothing of those that can", async () => {
    const answer = await api.rest("GET", "/v1/jobs", undefined, { origin: "https://evil.example.com" });
    expect(allowedOrigin(answer)).toBeNull();
    expect(JSON.stringify([...answer.headers])).not.toContain(ORIGIN);
    expect(answer.headers.get("vary"), "caches keep it apart").toBe("origin");
  });

  test("never lets cookies in, and is never for everybody", async () => {
    for (const path of PATHS) {
      for (const answer of [await ask(path), await send("GET", path, { origin: ORIGIN })]) {
        expect(answer.headers.has("access-control-allow-credentials")).toBe(false);
        expect(allowedOrigin(answer)).toBe(ORIGIN);
      }
    }
  });

  test("of the tRPC door can be read by its client", async () => {
    const seen: Response[] = [];
    const client = createTRPCClient<Router>({
      links: [
        httpBatchLink({
          url: `${api.url}/trpc`,
          headers: { authorization: `Bearer ${api.apiKey}`, origin: ORIGIN },
          async fetch(url, options) {
            const answer = await fetch(url, options as RequestInit);
            seen.push(answer);
            return answer;
          },
        }),
      ],
    });
    await client.keys.current.query({});
    expect(seen.map(allowedOrigin)).toEqual([ORIGIN]);
  });
});

test.each([ORIGIN, "https://anywhere.example"])("a page of %s uploads by a link", async (origin) => {
  const bytes = aPng();
  const { body } = await api.rest("POST", "/v1/uploads", { contentType: "image/png", bytes: bytes.length });
  const question = await ask(body.url, origin, "PUT", Object.keys(body.headers).join(",").toLowerCase());
  expect([question.ok, allowedOrigin(question)]).toEqual([true, "*"]);
  expect(listed(question.headers, "access-control-allow-methods")).toContain("put");
  const headers = { ...body.headers, origin };
  const put = await fetch(body.url, { method: "PUT", headers, body: new Uint8Array(bytes) });
  expect([put.status, allowedOrigin(put)]).toEqual([200, "*"]);
  expect(put.headers.has("access-control-allow-credentials")).toBe(false);
});

test("where no origins are configured, no page may call the API", async () => {
  const closed = await startTestApi({ dispatcher: { maxRunsInFlight: 0 } });
  try {
    const url = new URL("/v1/jobs", closed.url);
    const question = { origin: ORIGIN, "access-control-request-method": "GET" };
    const answers = [
      await fetch(url, { method: "OPTIONS", headers: question }),
      await fetch(url, { headers: { origin: ORIGIN } }),
    ];
    expect(answers.map(({ status }) => status)).toEqual([405, 401]);
    for (const { headers } of answers) expect([...headers.keys()].join()).not.toContain("access-control");
  } finally {
    await closed.stop();
  }
});
