import { sql } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { StorageUnavailable } from "../src/storage/object-store.ts";
import { createBreakableDatabase } from "./support/breakable-database.ts";
import { ageWindow, ask, expectExactly, expectRefused, keyIdOf, usedBy } from "./support/request-windows.ts";
import { createRest, type Rest } from "./support/rest.ts";
import { insertJob, insertKey, OWNER } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";
import { countWaiting } from "./support/waiting.ts";

const LIMIT = 10;

const waiting = countWaiting();
const database = createBreakableDatabase();
let isStoreAway = false;
let api: TestApi;
let keyId: string;
let rest: Rest;

beforeAll(async () => {
  const startedAt = Date.now();
  api = await startTestApi({
    ...waiting.overrides,
    openDatabase: database.open,
    // With a clock that stands still keys stay in the cache, so requests get as far as their procedure.
    now: () => new Date(startedAt),
    wrapStore: (store) =>
      Object.assign(Object.create(store), {
        signPut: async (...args: Parameters<typeof store.signPut>) => {
          if (isStoreAway) throw new StorageUnavailable("away");
          return store.signPut(...args);
        },
      }),
    dispatcher: { maxRunsInFlight: 0 },
  });
});
beforeEach(async () => {
  const key = await insertKey(api, OWNER, { limits: { requestsPerMinute: LIMIT } });
  rest = createRest(api.url, key);
  keyId = await keyIdOf(api.db, key);
});
afterAll(() => api.stop());

/** What is given back is so after the answer. */
const untilUsed = (count: number) =>
  until(`${count} are used`, async () => (await usedBy(api.db, keyId)) === count);

test("F9: through either door the headers count down, and a refusal tells which limit and until when", async () => {
  const answers = [];
  for (let i = 0; i < LIMIT + 4; i++) answers.push(await (i % 2 ? ask.rest : ask.trpc)(rest));
  expectExactly(LIMIT, answers);
  const left = answers.map(({ headers }) => Number(headers.get("ratelimit-remaining")));
  expect(left).toEqual([9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0, 0]);
});

test("F9: a batch is let through whole or not at all", async () => {
  const tooLarge = await ask.batch(rest, LIMIT + 1);
  expect([tooLarge.status, tooLarge.headers.get("retry-after")]).toEqual([429, null]);
  expect(tooLarge.body.error.data.detail).toContain("Send fewer calls at once.");
  const first = await ask.batch(rest, LIMIT - 1);
  expect([first.status, first.headers.get("ratelimit-remaining")]).toEqual([200, "1"]);
  const second = await ask.batch(rest, 2);
  expect(second.status).toBe(429);
  expect(second.headers.get("retry-after")).toMatch(/^\d+$/);
  expect((await ask.rest(rest)).headers.get("ratelimit-remaining")).toBe("0");
});

test("what we fail to answer is given back", async () => {
  await ask.rest(rest);
  const { status } = await database.withoutTables(() => rest("GET", "/v1/jobs"));
  expect(status).toBe(500);
  await untilUsed(1);

  isStoreAway = true;
  const upload = await rest("POST", "/v1/uploads", { contentType: "image/png", bytes: 10 });
  isStoreAway = false;
  expect(upload.status).toBe(503);
  await untilUsed(1);
});

test("of a batch, the calls that we fail to answer are given back", async () => {
  const path = "/trpc/jobs.list,limits.get,jobs.list?batch=1&input={%220%22:{},%221%22:{},%222%22:{}}";
  const { status, body } = await database.withoutTables(() => rest("GET", path));
  expect(status).toBe(207);
  expect(body.map((each: object) => "error" in each)).toEqual([true, false, true]);
  await untilUsed(1);
});

test("what a customer does wrong counts, and so does the answer that a job has failed", async () => {
  const failed = await insertJob(api, { status: "failed", error: { code: "render_failed", detail: "So." } });
  const answers = [
    await rest("GET", "/v1/jobs/job_none"),
    await rest("POST", "/v1/jobs", { image: "upload_none" }),
    await rest("GET", `/v1/jobs/${failed.id}/result`),
    await rest("GET", `/trpc/jobs.result?input={"id":"${failed.id}"}`),
  ];
  expect(answers.map(({ status }) => status)).toEqual([404, 400, 500, 500]);
  // A refund would come after the answer: one that comes for certain says that it is none of these.
  await database.withoutTables(() => rest("GET", "/v1/jobs"));
  await untilUsed(4);
  expect((await ask.rest(rest)).headers.get("ratelimit-remaining")).toBe(String(LIMIT - 5));
});

test("F9: what is given back late is not given to the next window", async () => {
  const { id } = await insertJob(api);
  const held = rest("GET", `/v1/jobs/${id}?wait=30`);
  await waiting.reaches(1);
  await ageWindow(api.db, keyId);
  const next = [];
  for (let i = 0; i < LIMIT - 1; i++) next.push(await ask.rest(rest));

  const { status } = await database.withoutTables(async () => {
    await api.db.execute(sql`select pg_notify('avatar_job_changes', ${id})`);
    return held;
  });
  expect(status).toBe(500);
  await database.withoutTables(() => rest("GET", "/v1/jobs"));
  await untilUsed(LIMIT - 1);
  next.push(await ask.rest(rest), await ask.rest(rest));
  expectExactly(LIMIT, next);
});

test("F9: a child key is refused by its own limit and by its parent's, and does not spend what it may not use", async () => {
  const { body } = await rest("POST", "/v1/child-keys", { limits: { requestsPerMinute: 3 } });
  const child = createRest(api.url, body.key);
  for (let left = 2; left >= 0; left--)
    expect((await ask.rest(child)).headers.get("ratelimit-remaining")).toBe(String(left));
  expectRefused(await ask.rest(child), 3, "childKey");
  expect(await usedBy(api.db, keyId)).toBe(4);

  await ageWindow(api.db, body.id);
  while ((await ask.rest(rest)).status === 200);
  const { status, headers, body: problem } = await ask.rest(child);
  expect([status, problem.code, headers.get("retry-after")]).toEqual([
    429,
    "rate_limited",
    String(Math.ceil(problem.retryAfterMs / 1000)),
  ]);
  expect(await usedBy(api.db, body.id)).toBe(0);
});

test("a child key is told what is left of its own limit, never of its parent's", async () => {
  const make = async (limits: object) =>
    createRest(api.url, (await rest("POST", "/v1/child-keys", { limits })).body.key);
  const [limited, unlimited] = [await make({ requestsPerMinute: 100 }), await make({})];
  const told = async (child: Rest) => {
    const { status, headers, body } = await ask.rest(child);
    const names = ["ratelimit-limit", "ratelimit-remaining", "ratelimit-reset", "ratelimit-policy"];
    return {
      status,
      limit: body.limit,
      detail: body.detail,
      headers: names.map((name) => headers.get(name)),
    };
  };
  const seconds = expect.stringMatching(/^\d+$/);
  expect(await told(limited)).toMatchObject({ status: 200, headers: ["100", "99", seconds, "100;w=60"] });
  expect(await told(unlimited)).toMatchObject({ status: 200, headers: [null, null, null, null] });

  while ((await ask.rest(rest)).status === 200);
  for (const child of [limited, unlimited])
    expect(await told(child)).toEqual({
      status: 429,
      limit: { of: "key", name: "requestsPerMinute", resetsAt: expect.any(String) },
      detail: "The key that made this one has sent too many within a minute.",
      headers: [null, null, null, null],
    });
});
