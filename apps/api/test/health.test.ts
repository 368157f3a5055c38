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
