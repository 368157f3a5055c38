import { ERROR_CODES, ERRORS } from "@avatar/contract/errors";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createBreakableDatabase } from "./support/breakable-database.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

const database = createBreakableDatabase();
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ openDatabase: database.open });
});
afterAll(() => api.stop());

const get = (path: string) => fetch(new URL(path, api.url));

test.each(["/healthz", "/readyz"])("%s is ok without a key", async (path) => {
  const answer = await get(path);
  expect([answer.status, await answer.json()]).toEqual([200, { status: "ok" }]);
});

test("without a database the process is healthy, but not ready", async () => {
  const [healthy, ready] = await database.whileDown(() => Promise.all([get("/healthz"), get("/readyz")]));
  expect([healthy.status, ready.status, ready.headers.get("retry-after")]).toEqual([200, 503, "1"]);
  expect(await ready.json()).toMatchObject({ code: "unavailable", retryAfterMs: 1000 });
});

test("a database without a key is not ready", async () => {
  await api.db.execute("alter table api_keys rename to api_keys_away");
  await api.db.execute("create table api_keys (like api_keys_away)");
  expect((await get("/readyz")).status).toBe(503);
});

test.each(ERROR_CODES)("the page about %s says what it is and what to do", async (code) => {
  const page = await get(`/docs/errors/${code}`);
  const text = await page.text();
  expect(page.headers.get("content-type")).toBe("text/plain; charset=utf-8");
  for (const part of [code, `HTTP ${ERRORS[code].status}`, ERRORS[code].title, ERRORS[code].hint])
    expect(text).toContain(part);
});

test.each(["nope", "constructor", "__proto__"])("there is no page about %s", async (code) => {
  const page = await get(`/docs/errors/${code}`);
  expect([page.status, ((await page.json()) as { code: string }).code]).toEqual([404, "not_found"]);
});

test("every answer carries the id of its request, and no type is guessed from it", async () => {
  const ids = new Set<string | null>();
  for (const path of ["/healthz", "/nope", "/v1/jobs", "/trpc/jobs.list", "/openapi.json"]) {
    const { headers } = await get(path);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("x-request-id")).toMatch(/^req_[0-9a-f]{32}$/);
    ids.add(headers.get("x-request-id"));
  }
  expect(ids.size).toBe(5);
});

test("a path that cannot be decoded also names its request", async () => {
  const answer = await get("/v1/jobs/%zz");
  const { requestId } = (await answer.json()) as { requestId: string };
  expect(requestId).toMatch(/^req_/);
  expect(answer.headers.get("x-request-id")).toBe(requestId);
});
