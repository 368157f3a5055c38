import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { router } from "../src/trpc/router.ts";
import { changeJob, openRaw, openSubscription } from "./support/events.ts";
import { aVideo, insertJob, insertKey, OWNER } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";
import { countWaiting } from "./support/waiting.ts";

const waiting = countWaiting();
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ ...waiting.overrides, heartbeatMs: 50, dispatcher: { maxRunsInFlight: 0 } });
});
afterAll(() => api.stop());

type Input = Parameters<TestApi["trpc"]["jobs"]["watch"]["subscribe"]>[0];

function subscribe(input: Input, apiKey = api.apiKey) {
  const subscription = openSubscription({ url: api.url, apiKey }, input);
  onTestFinished(subscription.unsubscribe);
  return subscription;
}

const rawPath = (input: object) => `/trpc/jobs.watch?input=${encodeURIComponent(JSON.stringify(input))}`;

test("every state comes in order, with its version as id and the job as status tells it; then no more", async () => {
  const { id } = await insertJob(api);
  const watch = subscribe({ id });
  const changes = [
    {},
    { status: "starting", cold: true },
    { status: "running" },
    { progress: 0.5 },
    { status: "succeeded", finishedAt: new Date(), ...aVideo(new Date(), id) },
  ] as const;
  for (const [index, change] of changes.entries()) {
    if (index > 0) await changeJob(api, id, change);
    const event = await until("the event", () => watch.events[index]);
    const { body } = await api.rest("GET", `/v1/jobs/${id}`);
    expect(event).toEqual({ id: String(index + 1), data: body });
  }
  await watch.ended;
  expect(watch.events).toHaveLength(5);
});

test.each([
  ["lastEventId", { lastEventId: "4" }],
  ["after", { after: 4 }],
  ["lastEventId, which counts more than after", { lastEventId: "4", after: 99 }],
])("what is known already is left out by %s", async (_what, known) => {
  const { id } = await insertJob(api, { version: 4 });
  const watch = subscribe({ id, ...known });
  await waiting.reaches(1);
  await changeJob(api, id, { status: "canceled", finishedAt: new Date() });
  await watch.ended;
  expect(watch.events.map((event) => event.id)).toEqual(["5"]);
});

test("who claims to know a version that is still to come is told the last state", async () => {
  const { id } = await insertJob(api, { version: 4, status: "failed" });
  const watch = subscribe({ id, lastEventId: "999" });
  await watch.ended;
  expect(watch.events.map((event) => event.id)).toEqual(["4"]);
});

test("the last state that is known already is the end", async () => {
  const { id } = await insertJob(api, { version: 4, status: "failed" });
  const watch = subscribe({ id, lastEventId: "4" });
  await watch.ended;
  expect(watch.events).toEqual([]);
});

test.each([
  [
    "a job of somebody else",
    "job_not_found",
    async () => ({ id: (await insertJob(api, { owner: "x" })).id }),
  ],
  ["no job", "job_not_found", async () => ({ id: "job_none" })],
  ["an id of an event that is no version", "invalid_input", async () => ({ id: "job_1", lastEventId: "v1" })],
  ["a field that does not exist", "unknown_field", async () => ({ id: "job_1", wait: 3 })],
])("%s is refused with the problem that status has, logged once", async (_what, code, inputOf) => {
  const watch = subscribe((await inputOf()) as Input);
  const { data } = await watch.ended.then(
    () => expect.fail("it was not refused"),
    (error: { data: Record<string, unknown> }) => error,
  );
  expect(data).toMatchObject({
    code,
    docs: `/docs/errors/${code}`,
    requestId: expect.stringMatching(/^req_/),
  });
  const lines = api.logs.filter((line) => line.includes(String(data.requestId)));
  expect(lines.filter((line) => line.includes(code))).toHaveLength(1);
  await waiting.isOver();
});

test("a key that is not valid ends it before it begins", async () => {
  const key = await insertKey(api, "owner_revoked", { revokedAt: new Date() });
  await expect(subscribe({ id: "job_1" }, key).ended).rejects.toThrow();
});

test("a key without the scope read is refused", async () => {
  const key = await insertKey(api, OWNER, { scopes: ["generate"] });
  const { id } = await insertJob(api);
  await expect(subscribe({ id }, key).ended).rejects.toMatchObject({ data: { code: "insufficient_scope" } });
});

test("nothing is left behind when its client goes", async () => {
  const { id } = await insertJob(api);
  const watches = [subscribe({ id }), subscribe({ id })];
  await waiting.reaches(2);
  for (const { unsubscribe } of watches) unsubscribe();
  await waiting.reaches(0);
  await waiting.isOver();
});

test("a client that does not read is cut off", async () => {
  // More than the buffers of the kernel take.
  const { id } = await insertJob(api, { metadata: { big: "x".repeat(12_000_000) } });
  const stream = await openRaw(api, rawPath({ id }));
  await waiting.isOver();
  stream.read();
  expect(await stream.ended).toBe(false);
});

test("pings keep it alive, and a client knows how long to wait for one", async () => {
  const ping = router._def._config.sse?.ping;
  if (!ping) expect.fail("there are no pings");
  expect(ping).toEqual({ enabled: true, intervalMs: 15_000 });
  onTestFinished(() => void Object.assign(ping, { intervalMs: 15_000 }));
  ping.intervalMs = 20;
  const { id } = await insertJob(api);
  const stream = await openRaw(api, rawPath({ id }));
  stream.read();
  await until("two pings", () => stream.text.split("event: ping\n").length > 2);
  stream.leave();
  expect(stream.text).toContain('event: connected\ndata: {"reconnectAfterInactivityMs":45000}\n');
});

test("a subscription in a batch or by POST is refused", async () => {
  const batch = await api.rest("GET", "/trpc/jobs.watch,jobs.watch?batch=1&input={}");
  expect(batch.status).toBe(400);
  expect(batch.body[0].error.data.code).toBe("invalid_input");
  const post = await api.rest("POST", "/trpc/jobs.watch", { id: "job_1" });
  expect(post.body).toContain('"code":"method_not_allowed"');
});
