import { expect, test } from "vitest";
import type { ClientEvent } from "../src/index.ts";
import { errorOf, files, useFakeApi } from "./support/use-fake-api.ts";

const given = useFakeApi();

function watched() {
  const events: ClientEvent[] = [];
  return { events, avatar: given.avatar.with({ onEvent: (event) => void events.push(event) }) };
}

test("a call tells of its requests, answers and retries", async () => {
  const { api } = given;
  const { events, avatar } = watched();
  api.headers = { "ratelimit-remaining": "41", deprecation: "@1", sunset: "Fri, 01 Jan 2027 00:00:00 GMT" };
  api.fail("GET /v1/jobs", "reset", { code: "unavailable", retryAfter: "4" });
  await avatar.jobs.list({ limit: 2 });
  const request = { method: "GET", url: `${api.url}/v1/jobs` };
  const answer = {
    ms: 0,
    rateLimitRemaining: 41,
    deprecation: "@1",
    sunset: "Fri, 01 Jan 2027 00:00:00 GMT",
  };
  expect(events).toEqual([
    { type: "request", ...request, attempt: 1 },
    { type: "retry", reason: "connection", attempt: 1, delayMs: expect.any(Number) },
    { type: "request", ...request, attempt: 2 },
    { type: "response", ...request, attempt: 2, status: 503, requestId: "req_2", ...answer },
    { type: "retry", reason: "unavailable", attempt: 2, delayMs: 4000 },
    { type: "request", ...request, attempt: 3 },
    { type: "response", ...request, attempt: 3, status: 200, requestId: "req_3", ...answer },
  ]);
});

test("headers that an answer lacks are left out", async () => {
  const { events, avatar } = watched();
  await avatar.jobs.list();
  const { rateLimitRemaining, deprecation, sunset } = events.at(-1) as never;
  expect([rateLimitRemaining, deprecation, sunset]).toEqual([undefined, undefined, undefined]);
});

test("no event holds a key or what makes a link work", async () => {
  const { api } = given;
  const { events, avatar } = watched();
  api.fail("PUT /objects/:id", "reset", { code: "unavailable" });
  api.fail("GET /videos/:id", { code: "link_invalid" });
  await (await avatar.with({ apiKey: "avk_s3cret" }).generate(files())).blob();
  const urls = new Set(events.flatMap((event) => ("url" in event ? [event.url] : [])));
  expect(urls).toContain(`${api.url}/objects/upload_1`);
  expect(urls).toContain(`${api.url}/videos/job_1`);
  expect(JSON.stringify(events)).not.toMatch(/s3cret|signature|\?/);
});

test("an onEvent that fails, at once or later, breaks nothing", async () => {
  const unhandled: unknown[] = [];
  const note = (reason: unknown) => void unhandled.push(reason);
  process.on("unhandledRejection", note);
  const fail = () => {
    throw new Error("from onEvent");
  };
  for (const onEvent of [fail, async () => fail(), "no function" as unknown as () => void]) {
    given.api.fail("GET /v1/jobs", "reset");
    expect((await given.avatar.with({ onEvent }).jobs.list()).items).toEqual([]);
  }
  await new Promise((resolve) => setImmediate(resolve));
  process.off("unhandledRejection", note);
  expect(unhandled).toEqual([]);
});

test("nothing is told after a call has settled", async () => {
  const { events, avatar } = watched();
  const controller = new AbortController();
  given.api.fail("GET /v1/jobs", "hang");
  const list = errorOf(avatar.jobs.list({}, { signal: controller.signal }));
  await given.api.reached("GET /v1/jobs");
  controller.abort();
  await list;
  const { length } = events;
  await new Promise((resolve) => setImmediate(resolve));
  expect(events.length).toBe(length);
});
