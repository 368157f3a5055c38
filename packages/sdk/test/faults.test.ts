import { expect, test } from "vitest";
import { ApiError, Avatar, AvatarError, ConnectionError, TimeoutError } from "../src/index.ts";
import { errorOf, files, useFakeApi } from "./support/use-fake-api.ts";

const given = useFakeApi();

const keysOf = () =>
  new Set(given.api.seen("POST /v1/jobs").map(({ headers }) => headers["idempotency-key"]));

test("a lost reply makes one job: the retry carries the same key", async () => {
  const { api, avatar } = given;
  api.fail("POST /v1/jobs", "lost-reply", "lost-reply", "reset", { code: "unavailable" });
  await avatar.generate(files());
  expect(api.count("POST /v1/jobs")).toBe(5);
  expect(api.jobs.size).toBe(1);
  expect(keysOf().size).toBe(1);
});

test("two calls make two jobs", async () => {
  await Promise.all([given.avatar.generate(files()), given.avatar.generate(files())]);
  expect(given.api.jobs.size).toBe(2);
  expect(keysOf().size).toBe(2);
});

test("an idempotency key of your own makes one job of several calls, and declares what the files are", async () => {
  const { api, avatar } = given;
  const [first, second] = [
    await avatar.generate(files(), { idempotencyKey: "order-7" }),
    await avatar.generate(files(), { idempotencyKey: "order-7" }),
  ];
  expect(second.jobId).toBe(first.jobId);
  const hashes = api.seen("POST /v1/uploads").map(({ body }) => JSON.parse(body).sha256);
  expect(hashes).toHaveLength(4);
  expect(hashes[0]).toMatch(/^[0-9a-f]{64}$/);
  expect(hashes.slice(2).sort()).toEqual(hashes.slice(0, 2).sort());
});

test("Retry-After is honoured to the millisecond", async () => {
  const { api, avatar, clock } = given;
  api.addJob();
  api.fail(
    "GET /v1/jobs/:id",
    { code: "unavailable", retryAfter: "4" },
    { status: 429, body: '{"code":"rate_limited","retryAfterMs":7001}' },
  );
  await avatar.jobs.get("job_1");
  expect(clock.slept).toEqual([4000, 7001]);
});

test("Retry-After may be a date", async () => {
  const { api, avatar, clock } = given;
  api.addJob();
  api.fail("GET /v1/jobs/:id", { code: "unavailable", retryAfter: "Thu, 01 Jan 2026 00:00:09 GMT" });
  await avatar.jobs.get("job_1");
  expect(clock.slept).toEqual([9000]);
});

test("a Retry-After beyond the budget rejects at once and says how long to wait", async () => {
  const { api, avatar, clock } = given;
  api.fail("GET /v1/jobs", { code: "unavailable", retryAfter: "90" });
  const error = await errorOf(avatar.jobs.list());
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ code: "unavailable", retryable: true, retryAfterMs: 90_000, attempts: 1 });
  expect(clock.slept).toEqual([]);
});

test("pauses grow, have jitter and stay below the maximum", async () => {
  const { api, clock } = given;
  const retry = { attempts: 20, maxDelayMs: 1000 };
  const avatar = new Avatar({ apiKey: "avk_1", baseUrl: api.url, clock, retry });
  api.fail("GET /v1/jobs", ...Array(20).fill("reset"));
  await errorOf(avatar.jobs.list());
  expect(clock.slept).toHaveLength(19);
  expect(clock.slept.every((ms, i) => ms >= 0 && ms <= Math.min(1000, 250 * 2 ** i))).toBe(true);
  expect(new Set(clock.slept).size).toBeGreaterThan(1);
});

test("a connection that keeps failing is a ConnectionError with the number of tries", async () => {
  given.api.fail("GET /v1/jobs", ...Array(10).fill("reset"));
  const error = await errorOf(given.avatar.jobs.list());
  expect(error).toBeInstanceOf(ConnectionError);
  expect(error).toMatchObject({ code: "connection", name: "ConnectionError", attempts: 10, retryable: true });
});

test("retry: false sends once", async () => {
  const { api, clock } = given;
  const avatar = new Avatar({ apiKey: "avk_1", baseUrl: api.url, clock, retry: false });
  api.fail("GET /v1/jobs", "reset");
  expect(await errorOf(avatar.jobs.list())).toMatchObject({ attempts: 1 });
});

test.each([{ attempts: Number.NaN }, { budgetMs: Number.NaN }, { maxDelayMs: Number.NaN }])(
  "retry: %j sends once, not forever",
  async (retry) => {
    const { api, clock } = given;
    api.fail("GET /v1/jobs", ...Array(20).fill("reset"));
    const avatar = new Avatar({ apiKey: "avk_1", baseUrl: api.url, clock, retry });
    expect(await errorOf(avatar.jobs.list())).toMatchObject({ code: "connection", attempts: 1 });
  },
);

test("errors that a retry cannot change are not retried", async () => {
  const { api, avatar } = given;
  api.addJob([{ status: "queued" }]);
  expect(await errorOf(avatar.jobs.result("job_1"))).toMatchObject({ code: "job_not_finished", attempts: 1 });
  api.fail("GET /v1/jobs/:id/result", { code: "render_failed" });
  const failed = await errorOf(avatar.jobs.result("job_1"));
  expect(failed).toMatchObject({ code: "render_failed", retryable: true, attempts: 1 });
});

test("a quota is asked again when the API says when, and else not at all", async () => {
  const { api, avatar, clock } = given;
  api.fail("POST /v1/jobs", { code: "gpu_quota_exceeded", retryAfter: "5" });
  await avatar.generate(files());
  expect(clock.slept).toContain(5000);
  api.fail("POST /v1/jobs", { code: "gpu_quota_exceeded" });
  const error = await errorOf(avatar.generate(files()));
  expect(error).toMatchObject({ code: "gpu_quota_exceeded", retryable: true, attempts: 1 });
});

test("polls that fail do not lose the job", async () => {
  const { api, avatar, clock } = given;
  api.fail("GET /v1/jobs/:id", "reset", { code: "internal" }, { status: 502, body: "<h1>Bad gateway</h1>" });
  api.fail("GET /v1/jobs/:id", ...Array(20).fill("reset"), { code: "unavailable", retryAfter: "120" });
  expect((await avatar.generate(files())).jobId).toBe("job_1");
  expect(api.jobs.size).toBe(1);
  expect(clock.slept).toContain(120_000);
});

test("a wait gives up after ten minutes without an answer, with the job's id and no cancel", async () => {
  const { api, avatar, clock } = given;
  api.fail("GET /v1/jobs/:id", ...Array(1000).fill("reset"));
  const start = clock.time;
  expect(await errorOf(avatar.generate(files()))).toMatchObject({ code: "connection", jobId: "job_1" });
  expect(clock.time - start).toBeGreaterThan(590_000);
  expect(api.count("POST /v1/jobs/:id/cancel")).toBe(0);
});

test("an upload that breaks is sent again, all of it", async () => {
  const { api, avatar } = given;
  api.fail("PUT /objects/:id", "reset", { code: "unavailable" }, "lost-reply");
  await avatar.generate(files());
  expect(api.count("POST /v1/uploads")).toBe(2);
  expect([...api.uploads.values()].map((bytes) => bytes?.length)).toEqual([72, 76]);
});

test("the object store sees no key and no headers of yours", async () => {
  const { api, clock } = given;
  const avatar = new Avatar({ apiKey: "avk_1", baseUrl: api.url, clock, headers: { "x-team": "red" } });
  await avatar.generate(files());
  const [put] = api.seen("PUT /objects/:id");
  expect(put?.headers).not.toHaveProperty("authorization");
  expect(put?.headers).not.toHaveProperty("x-team");
  expect(put?.headers).toMatchObject({ "content-type": "image/png" });
  expect(api.seen("POST /v1/jobs")[0]?.headers).toMatchObject({
    "x-team": "red",
    authorization: "Bearer avk_1",
  });
});

test("a request without an answer times out and is sent again", async () => {
  const { api, clock } = given;
  let tries = 0;
  const avatar = new Avatar({
    apiKey: "avk_1",
    baseUrl: api.url,
    clock,
    // The first try never ends, whatever its signal says.
    fetch: (url, init) => (tries++ === 0 ? new Promise(() => {}) : fetch(url, init)),
  });
  // The request's own limit is far away; a short limit for the whole call shows the same machinery.
  expect(await errorOf(avatar.jobs.list({}, { timeoutMs: 5 }))).toBeInstanceOf(TimeoutError);
  expect((await avatar.jobs.list()).items).toEqual([]);
});

test("a web page instead of the API is an unexpected_response", async () => {
  given.api.fail("GET /v1/jobs", { status: 200, body: "<html>" });
  expect(await errorOf(given.avatar.jobs.list())).toMatchObject({ code: "unexpected_response", status: 200 });
});

test("an error of something in between keeps its status", async () => {
  given.api.fail("GET /v1/jobs", { status: 418, body: "teapot" });
  expect(await errorOf(given.avatar.jobs.list())).toMatchObject({
    code: "http_418",
    status: 418,
    retryable: false,
  });
});

test.each([
  [{ headers: { "x-secret": "s3c\nret" } }, undefined],
  [{}, "ключ"],
])("a header that HTTP does not allow is refused without a word of it", async (options, idempotencyKey) => {
  const { api, avatar } = given;
  const error = await errorOf(
    avatar.with(options).jobs.create({ image: "a", audio: "b" }, { idempotencyKey }),
  );
  expect(error).toMatchObject({ code: "invalid_input" });
  expect(JSON.stringify(error)).not.toMatch(/s3c|ключ/);
  expect(api.requests).toEqual([]);
});

test("an address where something else answers gives errors of ours", async () => {
  const fetch = async () => new Response("{}");
  const avatar = given.avatar.with({ fetch });
  expect(await errorOf(avatar.jobs.result("job_1"))).toBeInstanceOf(AvatarError);
  expect(await errorOf(avatar.jobs.list()[Symbol.asyncIterator]().next())).toBeInstanceOf(AvatarError);
});
