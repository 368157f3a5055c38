import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { afterEach, describe, expect, onTestFinished, test } from "vitest";
import type { LoadLimits } from "../src/http/shed-load.ts";
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
afterEach(async () => {
  opened.reject(new Error("the test is over"));
  await api.stop();
});

/** With URLs that do not open before the test says so, which hold the requests that name them. */
async function start(loadLimits: Partial<LoadLimits>): Promise<void> {
  opened = Promise.withResolvers();
  opened.promise.catch(() => {});
  opening = 0;
  api = await startTestApi({
    loadLimits,
    ...waiting.overrides,
    openDatabase: database.open,
    openUrl: () => {
      opening++;
      return opened.promise;
    },
    dispatcher: { maxRunsInFlight: 0 },
  });
}

const URLS = { image: "https://example.com/a.png", audio: "https://example.com/a.wav" };
async function holdWork(count: number): Promise<{ answers: Promise<RestAnswer[]> }> {
  const answers = Promise.all(Array.from({ length: count }, () => api.rest("POST", "/v1/jobs", URLS)));
  await until("they are at work", () => opening === 2 * count);
  return { answers };
}

/** Begins a request, with a body that the server knows of and that does not end. */
async function begin(path: string, headers: Record<string, string>) {
  const authorization = `Bearer ${api.apiKey}`;
  const sent: ClientRequest = request(new URL(path, api.url), {
    method: "POST",
    headers: { authorization, expect: "100-continue", ...headers },
  }).on("error", () => {});
  const status = new Promise((resolve) =>
    sent.once("response", (answer: IncomingMessage) => resolve(answer.resume().statusCode)),
  );
  sent.flushHeaders();
  await new Promise((resolve) => sent.once("continue", resolve));
  onTestFinished(() => void sent.destroy());
  return { sent, status };
}

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

  test("a body is not waited for", async () => {
    await start({ work: 1 });
    await holdWork(1);
    const begun = await begin("/v1/uploads", { ...JSON_TYPE, "content-length": "1000" });
    expect(await begun.status).toBe(503);
  });

  test("health and metrics are answered", async () => {
    await start({ work: 0, uploads: 0, waits: 0 });
    expect(await Promise.all(["/healthz", "/readyz"].map(status))).toEqual([200, 200]);
    expect(await api.metrics()).toEqual([]);
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
