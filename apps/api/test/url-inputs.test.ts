import type { RequestListener } from "node:http";
import { ERRORS, type ErrorCode } from "@avatar/contract/errors";
import { LIMITS } from "@avatar/contract/limits";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { jobs, uploads } from "../src/db/schema/schema.ts";
import { createUrlOpener } from "../src/uploads/open-url.ts";
import { aPng, aWav } from "./media/media-files.ts";
import { throughBothDoors } from "./support/doors.ts";
import { untilStatus } from "./support/queue.ts";
import { type SmallInternet, startSmallInternet } from "./support/small-internet.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";

const ADDRESS = "93.184.215.14";
const IMAGE = aPng();
const AUDIO = aWav();

let internet: SmallInternet;
let api: TestApi;
let asked: string[] = [];

/** What the files of this internet do. */
const FILES: Record<string, RequestListener> = {
  "/portrait.png": (_request, response) => response.end(IMAGE),
  "/speech": (_request, response) => response.setHeader("content-type", "text/html").end(AUDIO),
  "/moved": (_request, response) => response.writeHead(302, { location: "/portrait.png" }).end(),
  "/circle": (_request, response) => response.writeHead(302, { location: "/circle" }).end(),
  "/inside": (_request, response) =>
    response.writeHead(302, { location: "https://169.254.169.254/latest" }).end(),
  "/gone": (_request, response) => response.writeHead(404).end("<html>"),
  "/silent": () => {},
  "/empty": (_request, response) => response.end(),
  "/page": (_request, response) => response.end("<!doctype html><title>Log in</title>"),
  "/declared": (_request, response) =>
    response.writeHead(200, { "content-length": LIMITS.image.maxBytes + 1 }).flushHeaders(),
  "/endless": (_request, response) => {
    response.write(IMAGE.subarray(0, 1000));
    const chunk = Buffer.alloc(1024 * 1024);
    const write = () => {
      while (!response.destroyed && response.write(chunk));
    };
    response.on("drain", write);
    write();
  },
};

beforeAll(async () => {
  internet = await startSmallInternet({ publicAddresses: [ADDRESS], certified: ["files.test"] });
  internet.zone.set("files.test", [[ADDRESS]]);
  internet.answer((request, response) => {
    asked.push(request.url ?? "");
    FILES[request.url?.split("?")[0] ?? ""]?.(request, response);
  });
  const { resolve, dial, ca } = internet;
  const open = createUrlOpener({ resolve, dial, ca });
  const openHastily = createUrlOpener({ resolve, dial, ca, timeLimits: { answerMs: 300 } });
  api = await startTestApi({
    openUrl: (url, options) => (url.includes("/silent") ? openHastily : open)(url, options),
  });
});
afterAll(async () => {
  await api.stop();
  await internet.stop();
});
beforeEach(() => {
  asked = [];
});

const image = "https://files.test/portrait.png";
const audio = "https://files.test/speech";
const at = (path: string) => `https://files.test${path}`;

/** All that a refused job may leave behind. */
const stored = async () => ({
  jobs: await api.db.$count(jobs),
  uploads: await api.db.$count(uploads),
  objects: (await api.database.objects("uploads/")).length,
});

test("a job made of two URLs is rendered from copies, whatever type their server tells", async () => {
  const { status, body } = await api.rest("POST", "/v1/jobs", { image: at("/moved"), audio });
  expect([status, body.audioSeconds]).toEqual([202, 1]);
  await untilStatus(api.db, body.id, "succeeded");
  const [run] = api.engine.started.slice(-1);
  expect((await api.database.readObject(run?.image.key ?? "")).equals(IMAGE)).toBe(true);
  expect((await api.database.readObject(run?.audio.key ?? "")).equals(AUDIO)).toBe(true);
});

test("a URL and an upload make a job", async () => {
  const input = { image, audio: await api.upload("audio/wav", AUDIO) };
  expect((await throughBothDoors(api, "jobs.create", { input })).status).toBe(202);
});

test("a repeated request makes no second job, and fetches nothing again", async () => {
  const headers = { "idempotency-key": "of-urls" };
  const first = await api.rest("POST", "/v1/jobs", { image, audio }, headers);
  const before = await stored();
  const again = await api.rest("POST", "/v1/jobs", { image, audio }, headers);
  expect(again.body.id).toBe(first.body.id);
  expect(asked.toSorted()).toEqual(["/portrait.png", "/speech"]);
  expect(await stored()).toEqual(before);
  const other = await api.rest("POST", "/v1/jobs", { image: `${image}?v=2`, audio }, headers);
  expect([other.status, other.body.code]).toEqual([409, "idempotency_mismatch"]);
});

test("an estimate of URLs fetches them, says that a job does it again, and leaves nothing", async () => {
  const before = await stored();
  const { status, body } = await throughBothDoors(api, "jobs.estimate", { input: { image, audio } });
  expect([status, body.audioSeconds]).toEqual([200, 1]);
  expect(body.warnings.map(({ code }: { code: string }) => code)).toEqual([
    "url_fetched_again",
    "url_fetched_again",
  ]);
  expect(asked.toSorted()).toEqual(["/portrait.png", "/portrait.png", "/speech", "/speech"]);
  expect(await stored()).toEqual(before);
});

test("equal requests at once make one job and leave one pair of files", async () => {
  const before = await stored();
  const headers = { "idempotency-key": "at-once" };
  const answers = await Promise.all(
    Array.from({ length: 8 }, () => api.rest("POST", "/v1/jobs", { image, audio }, headers)),
  );
  expect(new Set(answers.map(({ status, body }) => `${status} ${body.id}`)).size).toBe(1);
  expect(await stored()).toEqual({
    jobs: before.jobs + 1,
    uploads: before.uploads + 2,
    objects: before.objects + 2,
  });
});

describe("what cannot be fetched or used is refused through both doors, and leaves nothing", () => {
  const secret = "token=s3cret";
  test.each<[ErrorCode, object]>([
    ["url_not_allowed", { image: "https://127.0.0.1/x" }],
    ["url_not_allowed", { image: "http://files.test/portrait.png" }],
    ["url_not_allowed", { image: "file:///etc/passwd" }],
    ["url_not_allowed", { image: at("/inside") }],
    ["url_too_many_redirects", { image: at("/circle") }],
    ["url_unreachable", { image: at(`/gone?${secret}`) }],
    ["url_unreachable", { audio: `https://nowhere.test/?${secret}` }],
    ["url_too_slow", { audio: at(`/silent?${secret}`) }],
    ["empty_file", { audio: at("/empty") }],
    ["unsupported_image", { image: at("/page") }],
    ["media_type_mismatch", { image: audio }],
    ["image_too_large", { image: at("/declared") }],
    ["image_too_large", { image: at("/endless") }],
  ])("%s: %j", async (code, change) => {
    const before = await stored();
    for (const operation of ["jobs.create", "jobs.estimate"]) {
      const { status, body } = await throughBothDoors(api, operation, {
        input: { image, audio, ...change },
      });
      expect([status, body.code]).toEqual([ERRORS[code].status, code]);
      expect(JSON.stringify([body, api.logs])).not.toContain(secret);
    }
    expect(await stored()).toEqual(before);
    await until("every connection is closed", () => internet.openSockets.size === 0);
    expect(internet.canaryHits).toEqual([]);
  });
});

test("a client that goes away ends the fetch, and leaves nothing", async () => {
  const before = await stored();
  const gone = new AbortController();
  const request = fetch(`${api.url}/v1/jobs`, {
    method: "POST",
    headers: { authorization: `Bearer ${api.apiKey}`, "content-type": "application/json" },
    body: JSON.stringify({ image: at("/endless"), audio }),
    signal: gone.signal,
  });
  await until("the file is asked for", () => asked.includes("/endless"));
  gone.abort();
  await expect(request).rejects.toThrow();
  await until("every connection is closed", () => internet.openSockets.size === 0);
  await until("nothing is left", async () => JSON.stringify(await stored()) === JSON.stringify(before));
});
