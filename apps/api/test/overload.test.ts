import { request } from "node:http";
import { describe, expect, onTestFinished, test } from "vitest";
import type { LoadLimits } from "../src/http/shed-load.ts";
import { beginRequest } from "./support/begin-request.ts";
import { createBreakableDatabase } from "./support/breakable-database.ts";
import { throughRest, throughTrpc } from "./support/doors.ts";
import { FORM_TYPE, multipart } from "./support/multipart.ts";
import type { RestAnswer } from "./support/rest.ts";
import { insertJob } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";
import { countWaiting } from "./support/waiting.ts";

const database = createBreakableDatabase();
const waiting = countWaiting();
let api: TestApi;
let opened: PromiseWithResolvers<never>;
let opening = 0;

/** With URLs that do not open before the test says so, which hold the requests that name them. */
async function start(loadLimits: Partial<LoadLimits>): Promise<void> {
  opened = Promise.withResolvers();
  opened.promise.catch(() => {});
  opening = 0;
  api = await startTestApi({
    loadLimits: { ownerShare: 1, ...loadLimits },
    ...waiting.overrides,
    openDatabase: database.open,
    openUrl: () => {
      opening++;
      return opened.promise;
    },
    dispatcher: { maxRunsInFlight: 0 },
  });
  // After what the test registers later: the server waits for bodies that are under way.
  onTestFinished(async () => {
    opened.reject(new Error("the test is over"));
    await api.stop();
  });
}

const URLS = { image: "https://example.com/a.png", audio: "https://example.com/a.wav" };
async function holdWork(count: number): Promise<{ answers: Promise<RestAnswer[]> }> {
  const answers = Promise.all(Array.from({ length: count }, () => api.rest("POST", "/v1/jobs", URLS)));
  await until("they are at work", () => opening === 2 * count);
  return { answers };
}

const begin = (path: string, headers: Record<string, string>) => beginRequest(api, "POST", path, headers);

const status = async (path: string) => (await api.rest("GET", path)).status;
const OVERLOADED = { status: 503, body: { code: "overloaded", retryAfterMs: 1000 } };
const JSON_TYPE = { "content-type": "application/json" };

describe("P9: beyond what is taken at once", () => {
  test("requests get a 503 with Retry-After through both doors, before the key is looked up", async () => {
    await start({ work: 2 });
    await holdWork(2);
    for (const send of [throughRest, throughTrpc])
      for (const authorization of [`Bearer ${api.apiKey}`, undefined]) {
        const answer = await send(api, "jobs.list", { input: {}, headers: { authorization } });
        expect(answer).toMatchObject(OVERLOADED);
        expect(answer.headers.get("retry-after")).toBe("1");
      }
    await database.whileDown(async () => expect(await api.rest("GET", "/v1/jobs")).toMatchObject(OVERLOADED));
  });

  test("the log tells how many were refused, and has no line for each", async () => {
    await start({ work: 0 });
    const answers = await Promise.all(Array.from({ length: 200 }, () => status("/v1/jobs")));
    expect(new Set(answers)).toEqual(new Set([503]));
    const lines = () => api.logs.map((line) => JSON.parse(line)).filter((line) => line.refused);
    await until("all are told of", () => lines().reduce((sum, { refused }) => sum + refused, 0) === 200);
    expect(lines()[0]).toMatchObject({ level: "warn", refused: 1 });
    expect(lines().length).toBeLessThan(200 / 5);
    expect(api.logs.filter((line) => line.includes("overloaded"))).toEqual([]);
  });

  test("a body is not waited for", async () => {
    await start({ work: 1 });
    await holdWork(1);
    const begun = await begin("/v1/uploads", { ...JSON_TYPE, "content-length": "1000" });
    expect(await begun.status).toBe(503);
  });

  test("health and metrics are answered", async () => {
    await start({ work: 0, uploads: 0, waits: 0 });
    expect(await Promise.all(["/healthz", "/readyz"].map(status))).toEqual([200, 200]);
    expect(await api.metrics("avatar_database_up")).toEqual(["avatar_database_up 1"]);
    expect(await status("/v1/jobs")).toBe(503);
  });

  test("who is at work ends well, and makes room for others", async () => {
    await start({ work: 2 });
    const { answers } = await holdWork(2);
    opened.reject(new Error("there is no such server"));
    expect((await answers).map((answer) => answer.status)).toEqual([500, 500]);
    expect(await Promise.all(["/v1/jobs", "/v1/limits"].map(status))).toEqual([200, 200]);
  });

  test("the work for a client that has gone still counts", async () => {
    await start({ work: 1 });
    const body = JSON.stringify(URLS);
    const headers = { ...JSON_TYPE, "content-length": String(body.length) };
    const begun = await begin("/v1/jobs", headers);
    begun.sent.end(body);
    await until("it is at work", () => opening === 2);
    const closed = new Promise((resolve) => begun.sent.once("close", resolve));
    begun.sent.destroy();
    await closed;
    expect(await status("/v1/jobs")).toBe(503);
    opened.reject(new Error("there is no such server"));
    await until("there is room again", async () => (await status("/v1/jobs")) === 200);
  });

  test("forms are refused, but nothing else is", async () => {
    await start({ uploads: 1 });
    const form = await begin("/v1/jobs", FORM_TYPE);
    expect(await api.rest("POST", "/v1/jobs", multipart([]), FORM_TYPE)).toMatchObject(OVERLOADED);
    expect(await status("/v1/jobs")).toBe(200);
    form.sent.end(multipart([]));
    expect(await form.status).toBe(400);
    const next = await api.rest("POST", "/v1/jobs", multipart([]), FORM_TYPE);
    expect(next.body.code).toBe("missing_part");
  });

  test("long polls are refused, but nothing else is", async () => {
    await start({ waits: 2, work: 1 });
    const { id } = await insertJob(api);
    const poll = () => api.rest("GET", `/v1/jobs/${id}?wait=30`);
    const polls = [poll(), throughTrpc(api, "jobs.get", { input: { id, wait: 30 } })];
    await waiting.reaches(2);
    expect(await poll()).toMatchObject(OVERLOADED);
    expect(await status("/v1/jobs")).toBe(200);
    expect((await api.rest("POST", `/v1/jobs/${id}/cancel`)).status).toBe(200);
    for (const answer of await Promise.all(polls)) expect(answer.status).toBe(200);
    expect((await poll()).status).toBe(200);
  });

  const WAITS = [
    ["events", (id) => `/v1/jobs/${id}/events`],
    ["events, written otherwise", (id) => `/v1/jobs/${id}/%65vents`],
    ["events, with the whole URL", (id) => `http://h/v1/jobs/${id}/events`],
    ["a long poll", (id) => `/v1/jobs/${id}?wait=30`],
    ["a long poll with a zero more", (id) => `/v1/jobs/${id}?wait=030`],
    ["a long poll of less than a second", (id) => `/v1/jobs/${id}?wait=0.9&after=9`],
    ["a long poll, written otherwise", (id) => `/v1/jobs/${id}?w%61it=30`],
    ["a subscription", (id) => `/trpc/jobs.watch?input={%22id%22:%22${id}%22}`],
    ["a subscription, written otherwise", (id) => `/trpc/jobs%2Ewatch?input={%22id%22:%22${id}%22}`],
    ["a query", (id) => `/trpc/jobs.get?input={%22id%22:%22${id}%22,%22wait%22:30}`],
    ["a query with a blank", (id) => `/trpc/jobs.get?input={%22id%22:%22${id}%22,%22wait%22%3A%2030}`],
    [
      "a query with what is no escape",
      (id) => `/trpc/jobs.get?x=%zz&input={%22id%22:%22${id}%22,%22wait%22:30}`,
    ],
    [
      "a batch",
      (id) => `/trpc/limits.get,jobs.get?batch=1&input={%221%22:{%22id%22:%22${id}%22,%22w\\u0061it%22:30}}`,
    ],
  ] as const satisfies [string, (id: string) => string][];

  test("however it is written, what waits leaves the places of work to others", async () => {
    await start({ work: 1, waits: WAITS.length });
    const { id } = await insertJob(api);
    for (const [index, [what, pathOf]] of WAITS.entries()) {
      const poll = request(api.url, {
        path: pathOf(id),
        headers: { authorization: `Bearer ${api.apiKey}` },
        agent: false,
      }).on("error", () => {});
      onTestFinished(() => void poll.destroy());
      poll.end();
      await waiting.reaches(index + 1);
      expect(await status("/v1/limits"), what).toBe(200);
    }
  });

  test("what only looks like a wait is work", async () => {
    await start({ work: 1, waits: 0 });
    const asked = [
      "/v1/jobs?wait=1",
      "/v1/jobs/job_none?wait=0",
      "/v1/jobs/job_none?after=1",
      "/trpc/jobs.list?input={}&wait=1",
      "/trpc/jobs.list?input={%22wait%22:1}",
      "/trpc/jobs.get?input={%22id%22:%22job_none%22}&input={%22wait%22:1}",
    ];
    const statuses = [];
    for (const path of asked) statuses.push(await status(path));
    expect(statuses).toEqual([400, 404, 404, 200, 400, 404]);
  });

  test("a body that is slow to come keeps nobody else out", async () => {
    await start({ work: 1 });
    const slow = await begin("/v1/uploads", JSON_TYPE);
    await until("others are served", async () => (await status("/v1/jobs")) === 200);
    slow.sent.end(JSON.stringify({ contentType: "image/png", bytes: 1 }));
    expect(await slow.status).toBe(201);

    const late = await begin("/v1/uploads", JSON_TYPE);
    await until("others are served", async () => (await status("/v1/jobs")) === 200);
    await holdWork(1);
    late.sent.end(JSON.stringify({ contentType: "image/png", bytes: 1 }));
    expect(await late.status).toBe(503);
  });
});
