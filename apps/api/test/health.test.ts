import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { createBreakableDatabase } from "./support/breakable-database.ts";
import { countQueries } from "./support/count-queries.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";

const database = createBreakableDatabase();
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ openDatabase: database.open });
});
afterAll(() => api.stop());

const get = (path: string) => fetch(new URL(path, api.url));
/** It may have been ready within the last second. */
const unready = () =>
  until("it is not ready", async () => {
    const answer = await get("/readyz");
    return answer.status === 503 && answer;
  });

test.each(["/healthz", "/readyz"])("%s is ok without a key", async (path) => {
  const answer = await get(path);
  expect([answer.status, await answer.json()]).toEqual([200, { status: "ok" }]);
});

test("without a database the process is healthy, but not ready", async () => {
  const [healthy, ready] = await database.whileDown(async () => [await get("/healthz"), await unready()]);
  expect([healthy.status, ready.status, ready.headers.get("retry-after")]).toEqual([200, 503, "1"]);
  expect(await ready.json()).toMatchObject({ code: "unavailable", retryAfterMs: 1000 });
});

test("a database without a key is not ready", async () => {
  await api.db.execute("alter table api_keys rename to api_keys_away");
  await api.db.execute("create table api_keys (like api_keys_away)");
  expect((await unready()).status).toBe(503);
});

test("however often it is asked, the database is not asked each time", async () => {
  const looks = countQueries(/from "api_keys" limit/);
  const asked = await startTestApi({ openDatabase: looks.open });
  onTestFinished(() => asked.stop());
  const ask = async () => (await fetch(new URL("/readyz", asked.url))).status;
  const before = looks.count;
  const statuses = await Promise.all(Array.from({ length: 100 }, ask));
  for (let i = 0; i < 100; i++) statuses.push(await ask());
  expect(new Set(statuses)).toEqual(new Set([200]));
  expect(looks.count).toBeGreaterThan(before);
  expect(looks.count).toBeLessThan(before + 200 / 5);
});
