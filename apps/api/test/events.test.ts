import { eq } from "drizzle-orm";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { jobs } from "../src/db/schema/schema.ts";
import { createBreakableDatabase } from "./support/breakable-database.ts";
import { changeJob, openEventSource, openRaw } from "./support/events.ts";
import { aVideo, insertJob, insertKey, OWNER } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";
import { countWaiting } from "./support/waiting.ts";

const waiting = countWaiting();
const database = createBreakableDatabase();
const now = new Date();
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({
    ...waiting.overrides,
    openDatabase: database.open,
    // With a clock that stands still the key stays in the cache, so requests get as far as their job.
    now: () => now,
    heartbeatMs: 50,
    dispatcher: { maxRunsInFlight: 0 },
  });
});
afterAll(() => api.stop());

const pathOf = (id: string) => `/v1/jobs/${id}/events`;

async function openStream(id: string, query = "", headers?: Record<string, string>) {
  const stream = await openRaw(api, pathOf(id) + query, headers);
  onTestFinished(() => stream.leave());
  return stream;
}

/** What an answer has that ends by itself. */
async function readAll(id: string, query = "", headers?: Record<string, string>) {
  const stream = await openStream(id, query, headers);
  stream.read();
  expect(await stream.ended).toBe(true);
  return { status: stream.status, ids: stream.ids() };
}

const logged = (message: string, ...others: string[]) =>
  api.logs.filter((line) => [message, ...others].every((part) => line.includes(part)));

test("every state comes in order, with its version as id and the job as status tells it; then no more", async () => {
  const { id } = await insertJob(api);
  const source = openEventSource(api, pathOf(id));
  onTestFinished(() => source.close());
  const changes = [
    {},
    { status: "starting", cold: true },
    { status: "running" },
    { progress: 0.5 },
    { status: "succeeded", finishedAt: now, ...aVideo(now, id) },
  ] as const;
  for (const [index, change] of changes.entries()) {
    if (index > 0) await changeJob(api, id, change);
    const event = await until("the event", () => source.events[index]);
    const { body } = await api.rest("GET", `/v1/jobs/${id}`);
    expect(event).toEqual({ id: String(index + 1), job: body });
  }
  expect(source.events.map(({ job }) => job.status)).toEqual([
    "queued",
    "starting",
    "running",
    "running",
    "succeeded",
  ]);
  await until("it comes again and is told to stop", () => source.isClosed);
  expect({ events: source.events.length, opened: source.opened }).toEqual({ events: 5, opened: 1 });
});

test("the answer is for nobody to keep or to buffer, and says when to come again", async () => {
  const { id } = await insertJob(api, { status: "canceled" });
  const stream = await openStream(id);
  stream.read();
  await stream.ended;
  expect(stream).toMatchObject({
    status: 200,
    headers: {
      "content-type": "text/event-stream",
      "cache-control": "no-store",
      "x-accel-buffering": "no",
      "x-request-id": expect.stringMatching(/^req_/),
    },
  });
  expect(stream.text).toMatch(/^retry: [12]\d\d\d\n\nid: 1\ndata: \{.*\}\n\n$/);
});

describe("what is known already is left out", () => {
  test.each([
    ["Last-Event-ID", "", { "last-event-id": "4" }],
    ["after", "?after=4", {}],
    ["Last-Event-ID, which counts more than after", "?after=99", { "last-event-id": "4" }],
  ])("by %s", async (_what, query, headers: Record<string, string>) => {
    const { id } = await insertJob(api, { version: 4 });
    const stream = await openStream(id, query, headers);
    stream.read();
    await waiting.reaches(1);
    expect(stream.ids()).toEqual([]);
    await changeJob(api, id, { status: "starting" });
    await changeJob(api, id, { status: "canceled", finishedAt: now });
    expect(await stream.ended).toBe(true);
    expect(stream.ids().at(-1)).toBe(6);
    expect(stream.ids()).not.toContain(4);
  });

  test.each([
    ["2", 3],
    ["0", 3],
  ])("but not what came after %s", async (lastEventId, version) => {
    const { id } = await insertJob(api, { version, status: "failed" });
    expect(await readAll(id, "", { "last-event-id": lastEventId })).toEqual({ status: 200, ids: [3] });
  });

  test.each(["succeeded", "failed", "canceled", "expired"] as const)(
    "of a job that is %s, so nothing is left",
    async (status) => {
      const { id } = await insertJob(api, { version: 3, status });
      expect(await readAll(id)).toEqual({ status: 200, ids: [3] });
      expect(await readAll(id, "", { "last-event-id": "3" })).toEqual({ status: 204, ids: [] });
      expect(await readAll(id, "?after=3")).toEqual({ status: 204, ids: [] });
    },
  );
});

describe("who claims to know a version that is still to come", () => {
  test("is told the last state, and only then that nothing is left", async () => {
    const { id } = await insertJob(api, { version: 3, status: "failed" });
    expect(await readAll(id, "", { "last-event-id": "999" })).toEqual({ status: 200, ids: [3] });
    expect(await readAll(id, "", { "last-event-id": "3" })).toEqual({ status: 204, ids: [] });
  });

  test("is told it when it comes, and none before", async () => {
    const { id } = await insertJob(api);
    const stream = await openStream(id, "?after=999");
    stream.read();
    await waiting.reaches(1);
    await changeJob(api, id, { status: "starting" });
    await changeJob(api, id, { status: "canceled", finishedAt: now });
    expect(await stream.ended).toBe(true);
    expect(stream.ids()).toEqual([3]);
  });
});

describe("a stream", () => {
  test("ends when its job is deleted", async () => {
    const { id } = await insertJob(api, { status: "running" });
    const stream = await openStream(id);
    stream.read();
    await waiting.reaches(1);
    await api.rest("DELETE", `/v1/jobs/${id}`);
    expect(await stream.ended).toBe(true);
    expect(stream.text).toContain('"status":"canceled"');
  });

  test.each([
    ["its job is removed", "job_not_found", (id: string) => api.db.delete(jobs).where(eq(jobs.id, id))],
    [
      "something fails on our side",
      "internal",
      // Without the columns of a video.
      (id: string) => api.db.update(jobs).set({ status: "succeeded", version: 2 }).where(eq(jobs.id, id)),
    ],
  ])("comes to a clean end where %s, which is logged once", async (_what, code, breakIt) => {
    const { id } = await insertJob(api);
    const stream = await openStream(id);
    stream.read();
    await waiting.reaches(1);
    await breakIt(id);
    await changeJob(api, id, { progress: 0 });
    expect(await stream.ended).toBe(true);
    expect(stream.ids()).toEqual([1]);
    expect(logged(`"code":"${code}"`, String(stream.headers["x-request-id"]))).toHaveLength(1);
    await waiting.isOver();
  });

  test("is kept alive by comments", async () => {
    const { id } = await insertJob(api);
    const stream = await openStream(id);
    stream.read();
    await until("two heartbeats", () => stream.text.endsWith("}\n\n:\n\n:\n\n"));
    await changeJob(api, id, { status: "canceled", finishedAt: now });
    expect(await stream.ended).toBe(true);
    expect(stream.ids()).toEqual([1, 2]);
  });

  test("leaves nothing behind when its client goes", async () => {
    const { id } = await insertJob(api);
    const streams = await Promise.all([openStream(id), openStream(id), openStream(id)]);
    await waiting.reaches(3);
    for (const stream of streams) stream.leave();
    await waiting.reaches(0);
    await waiting.isOver();
  });

  test("is cut off where its client does not read", async () => {
    // More than the buffers of the kernel take.
    const { id } = await insertJob(api, { metadata: { big: "x".repeat(12_000_000) } });
    const stream = await openStream(id);
    await waiting.isOver();
    stream.read();
    expect(await stream.ended).toBe(false);
  });
});

describe("no stream begins", () => {
  test("for a job of somebody else: byte for byte as for none, and as status has it", async () => {
    const { id } = await insertJob(api, { owner: "owner_other" });
    const authorization = `Bearer ${await insertKey(api, "owner_third")}`;
    const answers = await Promise.all([
      api.rest("GET", pathOf(id)),
      api.rest("GET", pathOf(id), undefined, { authorization }),
      api.rest("GET", pathOf("job_none")),
      api.rest("GET", `/v1/jobs/${id}`),
    ]);
    const texts = answers.map(({ status, headers, body }) => {
      const { "x-request-id": requestId = "-", date: _, ...others } = Object.fromEntries(headers);
      return JSON.stringify([status, others, body]).replace(requestId, "req_0");
    });
    expect(texts[0]).toContain("job_not_found");
    expect(new Set(texts).size).toBe(1);
  });

  test.each([
    ["a field that does not exist", "?wait=30", {}, "unknown_field", "wait"],
    ["an id beside the one in the path", "?id=job_1", {}, "unknown_field", "id"],
    ["an id of an event in the query", "?lastEventId=1", {}, "unknown_field", "lastEventId"],
    ["an after that is no version", "?after=1.5", {}, "invalid_input", "after"],
    ["an empty after", "?after=", {}, "invalid_input", "after"],
    ["an after that comes twice", "?after=1&after=2", {}, "invalid_input", "after"],
    ["a Last-Event-ID that is no version", "", { "last-event-id": "v1" }, "invalid_input", "Last-Event-ID"],
    ["a negative Last-Event-ID", "", { "last-event-id": "-1" }, "invalid_input", "Last-Event-ID"],
    ["an empty Last-Event-ID", "", { "last-event-id": "" }, "invalid_input", "Last-Event-ID"],
  ])("for %s", async (_what, query, headers: Record<string, string>, code, path) => {
    const { id } = await insertJob(api);
    const { status, body } = await api.rest("GET", pathOf(id) + query, undefined, headers);
    expect({ status, code: body.code, path: body.issues[0].path }).toEqual({ status: 400, code, path });
  });

  test("without a key", async () => {
    const answer = await api.rest("GET", pathOf("job_1"), undefined, { authorization: "" });
    expect(answer).toMatchObject({ status: 401, body: { code: "unauthorized" } });
  });

  test("for a key without the scope read", async () => {
    const { id } = await insertJob(api);
    const authorization = `Bearer ${await insertKey(api, OWNER, { scopes: ["generate", "admin"] })}`;
    const answer = await api.rest("GET", pathOf(id), undefined, { authorization });
    expect(answer).toMatchObject({ status: 403, body: { code: "insufficient_scope" } });
  });

  test("while there is no database", async () => {
    const { status, headers, body } = await database.whileDown(() => api.rest("GET", pathOf("job_1")));
    expect([status, body.code, headers.get("retry-after")]).toEqual([503, "unavailable", "1"]);
  });

  test("for other methods, and HEAD gets its headers", async () => {
    const { id } = await insertJob(api);
    const answer = await api.rest("POST", pathOf(id), {});
    expect(answer).toMatchObject({ status: 405, body: { code: "method_not_allowed" } });
    expect(answer.headers.get("allow")).toBe("GET, HEAD");
    const { status, headers } = await api.rest("HEAD", pathOf(id));
    expect({ status, type: headers.get("content-type") }).toEqual({ status: 200, type: "text/event-stream" });
    await waiting.isOver();
  });
});

test("a slow reader gets the latest state, not each one in between", async () => {
  const patient = await startTestApi({ dispatcher: { maxRunsInFlight: 0 } });
  onTestFinished(() => patient.stop());
  const { id } = await insertJob(patient, { metadata: { big: "x".repeat(1_000_000) } });
  const stream = await openRaw(patient, pathOf(id));
  for (let i = 0; i < 40; i++) await changeJob(patient, id, { progress: i / 40 });
  stream.read();
  await until("the latest state", () => stream.ids().at(-1) === 41);
  expect(stream.ids()).toEqual(stream.ids().toSorted((a, b) => a - b));
  expect(stream.ids().length).toBeLessThan(41);
  stream.leave();
});

test("streams that are still being read when the server stops come to their end, and so do their connections", async () => {
  const stopping = await startTestApi({ dispatcher: { maxRunsInFlight: 0 } });
  // More than the buffers of the kernel take.
  const { id } = await insertJob(stopping, { metadata: { big: "x".repeat(12_000_000) } });
  const [one, another] = [await openRaw(stopping, pathOf(id)), await openRaw(stopping, pathOf(id))];
  const stopped = stopping.stopAtOnce();
  await until("it takes no more connections", () =>
    fetch(new URL("/healthz", stopping.url), { headers: { connection: "close" } }).then(
      () => false,
      () => true,
    ),
  );
  one.read();
  expect(await one.ended).toBe(true);
  await until("the connection is closed", () => one.socket.destroyed);
  // Not by force, which the other one would not survive.
  another.read();
  expect(await another.ended).toBe(true);
  await stopped;
});
