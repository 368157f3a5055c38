import { once } from "node:events";
import { readdir } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { uploads } from "../src/db/schema/schema.ts";
import { putVideo } from "./support/disk-video.ts";
import { FORM_TYPE, multipart } from "./support/multipart.ts";
import { insertJob } from "./support/rows.ts";
import { serverSockets } from "./support/server-sockets.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { createTestDatabase, type TestDatabase } from "./support/test-database.ts";
import { until } from "./support/until.ts";

const IDLE_SOCKETS = 1000;

let database: TestDatabase;
let api: TestApi;
beforeAll(async () => {
  database = await createTestDatabase(undefined, "disk"); // Bodies for a bucket do not come here.
  api = await startTestApi({
    database,
    dispatcher: { maxRunsInFlight: 0 },
    timeLimits: { headersMs: 200, headersCheckMs: 50, bodyMs: 200, answerMs: 200 },
  });
});
afterAll(async () => {
  await api.stop();
  await database.remove();
});

function open(): Socket {
  const socket = connect(Number(new URL(api.url).port), "127.0.0.1").on("error", () => {});
  onTestFinished(() => void socket.destroy());
  return socket;
}

/** All that is answered until the connection is closed. */
function heard(socket: Socket): Promise<string> {
  let answer = "";
  socket.on("data", (chunk) => {
    answer += chunk;
  });
  return new Promise((resolve) => socket.once("close", () => resolve(answer)));
}

/** Sends a byte now and then, for as long as it is let. */
async function trickle(socket: Socket, bytes: string | Uint8Array): Promise<string> {
  const left = [...Buffer.from(bytes)];
  const timer = setInterval(() => socket.write(Buffer.of(left.shift() ?? 0x78)), 10);
  return heard(socket).finally(() => clearInterval(timer));
}

const head = (method: string, path: string, headers: Record<string, string>) =>
  [`${method} ${path} HTTP/1.1`, "host: a", `authorization: Bearer ${api.apiKey}`]
    .concat(Object.entries(headers).map(([name, value]) => `${name}: ${value}`))
    .join("\r\n")
    .concat("\r\n\r\n");

const JSON_HEADERS = { "content-type": "application/json", "content-length": "60000" };
const CHUNKED = { "content-type": "application/json", "transfer-encoding": "chunked" };
const LATE = /^HTTP\/1.1 408 .*x-request-id: req_.*"code":"request_timeout".*did not arrive in time/is;

/** Asks as good clients do while the work goes on, at least once. Each of them is answered. */
async function besideGoodRequests<T>(work: Promise<T>): Promise<T> {
  let isDone = false;
  const done = work.finally(() => {
    isDone = true;
  });
  done.catch(() => {}); // It is told of below.
  do {
    expect((await api.rest("GET", "/v1/jobs")).status).toBe(200);
    const created = await api.rest("POST", "/v1/uploads", { contentType: "image/png", bytes: 10 });
    expect(created.status).toBe(201);
  } while (!isDone);
  return done;
}

const kept = async () => ({
  rows: (await api.db.select({ id: uploads.id }).from(uploads)).length,
  files: await database.objects("uploads/"),
  incoming: await readdir(join(database.dataDir, "incoming")),
});

describe("S5: cut off, beside good requests that are all answered, is", () => {
  test("who sends headers at a byte now and then", async () => {
    const answers = Array.from({ length: 50 }, () => trickle(open(), "GET /v1/jobs HTTP/1.1\r\nx: "));
    for (const answer of await besideGoodRequests(Promise.all(answers))) expect(answer).toMatch(LATE);
  });

  test.each([
    ["JSON", "/v1/uploads", JSON_HEADERS, LATE],
    ["JSON without a declared length", "/trpc/uploads.create", CHUNKED, LATE],
    ["a body to a wrong method", "/v1/limits", JSON_HEADERS, /^HTTP\/1.1 405 /],
  ])("who sends %s at a byte now and then", async (_what, path, headers, expected) => {
    const answers = Array.from({ length: 50 }, () => {
      const socket = open();
      socket.write(head("POST", path, headers) + (headers === CHUNKED ? "1000\r\n" : ""));
      return trickle(socket, "");
    });
    for (const answer of await besideGoodRequests(Promise.all(answers))) expect(answer).toMatch(expected);
  });

  test("who sends a form at a byte now and then, and nothing is left of it", async () => {
    const before = await kept();
    const image = { name: "image", content: "x".repeat(1000), fileName: "a.png", type: "image/png" };
    const form = multipart([image], "").subarray(0, -500);
    const socket = open();
    socket.write(head("POST", "/v1/jobs", { ...FORM_TYPE, "content-length": "100000" }));
    socket.write(form);
    expect(await trickle(socket, "")).toMatch(LATE);
    await until("nothing is left", async () => JSON.stringify(await kept()) === JSON.stringify(before));
  });

  test("who uploads at a byte now and then, and the link can still be used", async () => {
    const { body: upload } = await api.rest("POST", "/v1/uploads", { contentType: "image/png", bytes: 1000 });
    const before = await kept();
    const { pathname, search } = new URL(upload.url);
    const socket = open();
    socket.write(head("PUT", pathname + search, { ...upload.headers, "content-length": "1000" }));
    expect(await trickle(socket, "")).toMatch(LATE);
    await until("nothing is left", async () => JSON.stringify(await kept()) === JSON.stringify(before));
    const put = { method: "PUT", headers: upload.headers, body: Buffer.alloc(1000) };
    expect((await fetch(upload.url, put)).status).toBe(200);
  });

  test("who does not read a video", async () => {
    const url = new URL(await putVideo(database.dataDir, api.url));
    const served = serverSockets(url.pathname);
    for (let count = 0; count < 20; count++)
      open()
        .pause()
        .write(head("GET", url.pathname + url.search, {}));
    const areCut = () => served.size === 20 && [...served].every((socket) => socket.destroyed);
    await besideGoodRequests(until("all are cut off", areCut));
  });

  test("who asks again and again and does not read the answers", async () => {
    const socket = open().pause();
    const closed = new Promise((resolve) => socket.once("close", resolve));
    const request = head("GET", "/openapi.json", {});
    const timer = setInterval(() => socket.write(request.repeat(100)), 10);
    await besideGoodRequests(closed);
    clearInterval(timer);
  });

  test(`${IDLE_SOCKETS} connections that say nothing`, async () => {
    const answers = Array.from({ length: IDLE_SOCKETS }, () => heard(open()));
    for (const answer of await besideGoodRequests(Promise.all(answers))) expect(answer).toMatch(LATE);
  });
});

describe("S5: not cut off is", () => {
  test("who sends a body slowly, but faster than that", async () => {
    const form = multipart([{ name: "prompt", content: "x".repeat(20_000) }]);
    const begin = async (length: number) => {
      const socket = open();
      const headers = { ...FORM_TYPE, "content-length": String(length), expect: "100-continue" };
      socket.write(head("POST", "/v1/jobs", { ...headers, connection: "close" }));
      await once(socket, "data"); // Now the server waits for the body.
      return socket;
    };
    const good = await begin(form.length);
    good.write(form.subarray(0, 16_384)); // Two seconds' worth.
    const answer = heard(good);
    expect(await heard(await begin(1000))).toMatch(LATE);
    good.write(form.subarray(16_384));
    expect(await answer).toMatch(/"code":"missing_part"/);
  });

  test("who waits longer for an answer than it may take to read it", async () => {
    const { id } = await insertJob(api);
    expect((await api.rest("GET", `/v1/jobs/${id}?wait=1`)).status).toBe(200);
  });
});
