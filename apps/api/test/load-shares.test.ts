import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { beginRequest } from "./support/begin-request.ts";
import { putVideo } from "./support/disk-video.ts";
import { type KeyInUse, makeKey } from "./support/keys.ts";
import { FORM_TYPE, multipart } from "./support/multipart.ts";
import { insertJob } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { createTestDatabase, type TestDatabase } from "./support/test-database.ts";
import { until } from "./support/until.ts";
import { countWaiting } from "./support/waiting.ts";

/** Of each kind, of which one owner gets half. */
const PLACES = 4;
const SHARE = PLACES / 2;

const waiting = countWaiting();
let database: TestDatabase;
let api: TestApi;
let greedy: KeyInUse;
let other: KeyInUse;
let opened: PromiseWithResolvers<never>;
let opening = 0;
beforeAll(async () => {
  database = await createTestDatabase(undefined, "disk"); // Bodies for a bucket do not come here.
});
afterAll(() => database.remove());

/** With URLs that do not open before the test says so. */
async function start(): Promise<void> {
  opened = Promise.withResolvers();
  opened.promise.catch(() => {});
  opening = 0;
  api = await startTestApi({
    ...waiting.overrides,
    database,
    loadLimits: { work: PLACES, uploads: PLACES, waits: PLACES, ownerShare: 0.5 },
    openUrl: () => {
      opening++;
      return opened.promise;
    },
    dispatcher: { maxRunsInFlight: 0 },
  });
  greedy = await makeKey(api);
  other = await makeKey(api);
  // After what the test registers later: the server waits for bodies that are under way.
  onTestFinished(async () => {
    opened.reject(new Error("the test is over"));
    await api.stop();
  });
}

const begin = ({ url, key }: KeyInUse, method: string, path: string, headers: Record<string, string>) =>
  beginRequest({ url, apiKey: key }, method, path, headers);
const JSON_TYPE = { "content-type": "application/json" };
const REFUSED = { status: 503, body: { code: "overloaded", retryAfterMs: 1000 } };
/** Another key of the same owner. */
const sibling = ({ owner }: KeyInUse) => makeKey(api, { owner });

describe("an owner who takes a share of the places, and no more, keeps out nobody else who", () => {
  test("has something to do", async () => {
    await start();
    const urls = { image: "https://example.com/a.png", audio: "https://example.com/a.wav" };
    for (let i = 0; i < SHARE; i++) void greedy.rest("POST", "/v1/jobs", urls).catch(() => {});
    await until("they are at work", () => opening === 2 * SHARE);
    const refused = await greedy.rest("GET", "/v1/jobs");
    expect(refused).toMatchObject(REFUSED);
    expect(refused.body.detail).toMatch(/of one owner/);
    expect(await (await sibling(greedy)).rest("GET", "/v1/jobs")).toMatchObject(REFUSED);
    expect((await other.rest("GET", "/v1/jobs")).status).toBe(200);
    opened.reject(new Error("there is no such server"));
    await until("there is room again", async () => (await greedy.rest("GET", "/v1/jobs")).status === 200);
  });

  test("waits for a job", async () => {
    await start();
    const polls = [];
    for (const { rest, owner } of [...Array(SHARE).fill(greedy), other] as KeyInUse[]) {
      const { id } = await insertJob(api, { owner });
      polls.push({ id, rest, answer: rest("GET", `/v1/jobs/${id}?wait=30`) });
    }
    await waiting.reaches(SHARE + 1);
    expect(await greedy.rest("GET", `/v1/jobs/${polls[0]?.id}/events`)).toMatchObject(REFUSED);
    for (const { id, rest, answer } of polls) {
      await rest("POST", `/v1/jobs/${id}/cancel`);
      expect((await answer).status).toBe(200);
    }
  });

  test("sends a body", async () => {
    await start();
    const bodies = [];
    for (let i = 0; i < SHARE; i++) bodies.push(await begin(greedy, "POST", "/v1/uploads", JSON_TYPE));
    expect(await (await begin(greedy, "POST", "/v1/uploads", JSON_TYPE)).status).toBe(503);
    const body = { contentType: "image/png", bytes: 1 };
    expect((await other.rest("POST", "/v1/uploads", body)).status).toBe(201);
    for (const { sent, status } of bodies) {
      sent.end(JSON.stringify(body));
      expect(await status).toBe(201);
    }
  });

  test("sends a form", async () => {
    await start();
    for (let i = 0; i < SHARE; i++) await begin(greedy, "POST", "/v1/jobs", FORM_TYPE);
    expect(await (await begin(greedy, "POST", "/v1/jobs", FORM_TYPE)).status).toBe(503);
    expect((await greedy.rest("GET", "/v1/jobs")).status).toBe(200);
    const { body } = await other.rest("POST", "/v1/jobs", multipart([]), FORM_TYPE);
    expect(body.code).toBe("missing_part");
  });

  test.each([false, true])("uploads to a signed link, in parts: %s", async (inParts) => {
    await start();
    const declare = async ({ rest }: KeyInUse) => {
      const { body } = await rest("POST", "/v1/uploads", { contentType: "image/png", bytes: 3, inParts });
      return inParts ? body.parts[0] : body;
    };
    const [link, next] = [await declare(greedy), await declare(greedy)];
    const put = () => begin(greedy, "PUT", link.url, { ...link.headers, "content-length": "3" });
    const puts = [];
    for (let i = 0; i < SHARE; i++) puts.push(await put());
    expect(await api.rest("PUT", next.url, Buffer.from("abc"), next.headers)).toMatchObject(REFUSED);
    const theirs = await declare(other);
    expect((await api.rest("PUT", theirs.url, Buffer.from("abc"), theirs.headers)).status).toBe(200);
    puts[0]?.sent.end("abc");
    expect(await puts[0]?.status).toBe(200);
  });

  test("sends a form, where the share is taken up by forms and by signed links together", async () => {
    await start();
    const { body: link } = await greedy.rest("POST", "/v1/uploads", { contentType: "image/png", bytes: 3 });
    await begin(greedy, "POST", "/v1/jobs", FORM_TYPE);
    const put = () => begin(greedy, "PUT", link.url, { ...link.headers, "content-length": "3" });
    await put();
    expect(await (await put()).status).toBe(503);
    expect((await other.rest("POST", "/v1/jobs", multipart([]), FORM_TYPE)).body.code).toBe("missing_part");
  });

  test("reads a video", async () => {
    await start();
    await putVideo(database.dataDir, api.url);
    const linkFor = async ({ rest, owner }: KeyInUse) => {
      const job = { owner, status: "succeeded", videoKey: "videos/job_1/run_1.mp4" } as const;
      const { id } = await insertJob(api, job);
      return (await rest("GET", `/v1/jobs/${id}/result`)).body.url;
    };
    const link = await linkFor(greedy);
    const leave = new AbortController();
    onTestFinished(() => leave.abort());
    // More than the buffers of the kernel take.
    for (let i = 0; i < SHARE; i++) expect((await fetch(link, { signal: leave.signal })).status).toBe(200);
    expect((await fetch(link, { method: "HEAD" })).status).toBe(503);
    expect((await fetch(await linkFor(other), { method: "HEAD" })).status).toBe(200);
  });
});

test("the link of an owner does not tell who that is", async () => {
  await start();
  const { body } = await other.rest("POST", "/v1/uploads", { contentType: "image/png", bytes: 3 });
  expect(body.url).toMatch(/&of=[0-9a-f]{16}&/);
  expect(body.url).not.toContain(other.owner);
});
