import { createHash, randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { request as httpRequest, type IncomingMessage } from "node:http";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { ERRORS } from "@avatar/contract/errors";
import Fastify, { type FastifyInstance } from "fastify";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { AppError } from "../errors.ts";
import { createDiskObjectStore, type DiskObjectStore } from "../storage/disk-object-store.ts";
import { objectRoutes } from "./object-routes.ts";

let app: FastifyInstance;
let directory: string;
let store: DiskObjectStore;
let url: string;
let now: Date;
const expiresAt = new Date("2026-01-01T01:00:00Z");
const key = "uploads/upl_1";
const contentType = "audio/wav";
const failures: unknown[] = [];

beforeEach(async () => {
  now = new Date("2026-01-01T00:00:00Z");
  failures.length = 0;
  directory = await mkdtemp(join(tmpdir(), "routes-"));
  store = createDiskObjectStore({ directory, publicUrl: () => url, signingSecret: "secret", now: () => now });
  await store.start();
  app = Fastify();
  app.setErrorHandler((error, request, reply) => {
    failures.push(error);
    if (!request.raw.complete) reply.header("connection", "close"); // as the server does
    const code = error instanceof AppError ? error.code : "internal";
    return reply.code(ERRORS[code].status).send({ code });
  });
  await app.register(objectRoutes, { store, shareLoad() {} });
  url = await app.listen({ port: 0, host: "127.0.0.1" });
});

afterEach(async () => {
  await app.close();
  await rm(directory, { recursive: true });
});

const files = async () =>
  (await readdir(directory, { recursive: true, withFileTypes: true })).filter((f) => f.isFile());

async function put(body: Buffer, sha256?: string) {
  const signed = await store.signPut(key, { contentType, bytes: body.length, sha256, once: true, expiresAt });
  return fetch(signed.url, { method: "PUT", body, headers: signed.headers });
}

async function getLink(of = key, fileName = "speech.wav") {
  return store.signGet(of, { expiresAt, contentType, fileName });
}

/** Sends what fetch would not: no length, a wrong length, a body that stops. */
function send(link: string, headers: Record<string, string | number>) {
  const request = httpRequest(link, {
    method: "PUT",
    headers: { "content-type": contentType, "if-none-match": "*", ...headers },
  });
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    request.once("response", resolve).once("error", reject);
  });
  return { request, answer };
}
const codeOf = async (answer: Promise<IncomingMessage>) =>
  JSON.parse((await buffer(await answer)).toString()).code;

test("what was uploaded with one link is downloaded with another", async () => {
  const body = randomBytes(3_000_000);
  const uploaded = await put(body, createHash("sha256").update(body).digest("hex"));
  expect(uploaded.status).toBe(200);
  expect(await uploaded.text()).toBe("");

  const downloaded = await fetch(await getLink());
  expect(downloaded.status).toBe(200);
  expect(Buffer.from(await downloaded.arrayBuffer()).equals(body)).toBe(true);
  expect(Object.fromEntries(downloaded.headers)).toMatchObject({
    "accept-ranges": "bytes",
    "access-control-allow-origin": "*",
    "cache-control": "private, no-store",
    "content-disposition": 'attachment; filename="speech.wav"',
    "content-length": "3000000",
    "content-type": "audio/wav",
    etag: uploaded.headers.get("etag"),
    "x-content-type-options": "nosniff",
  });
});

test("HEAD answers with the headers alone", async () => {
  await put(Buffer.from("hello"));
  const head = await fetch(await getLink(), { method: "HEAD" });
  expect(head.status).toBe(200);
  expect(head.headers.get("content-length")).toBe("5");
  expect(await head.text()).toBe("");
});

test.each([
  ["bytes=1-3", 206, "ell", "bytes 1-3/5"],
  ["bytes=-2", 206, "lo", "bytes 3-4/5"],
  ["bytes=3-", 206, "lo", "bytes 3-4/5"],
  ["bytes=5-", 416, "", "bytes */5"],
  ["bytes=0-1,3-4", 200, "hello", null],
])("the range %s is answered with %i", async (range, status, body, contentRange) => {
  await put(Buffer.from("hello"));
  const answer = await fetch(await getLink(), { headers: { range } });
  expect(answer.status).toBe(status);
  expect(answer.headers.get("content-range")).toBe(contentRange);
  expect(await answer.text()).toBe(body);
});

test("a download goes on where it stopped only if the object is the same", async () => {
  const etag = (await put(Buffer.from("hello"))).headers.get("etag") ?? "";
  const headers = { range: "bytes=3-", "if-range": etag };
  expect((await fetch(await getLink(), { headers })).status).toBe(206);
  await store.put(key, Readable.from([Buffer.from("jello")]), { contentType });
  expect((await fetch(await getLink(), { headers })).status).toBe(200);
});

test("a name cannot add headers", async () => {
  await put(Buffer.from("hello"));
  const answer = await fetch(await getLink(key, 'a"b\r\nset-cookie: é.wav'));
  expect(answer.headers.get("content-disposition")).toBe('attachment; filename="a_b__set-cookie_ _.wav"');
  expect(answer.headers.get("set-cookie")).toBeNull();
});

test("an upload cannot be replaced", async () => {
  expect((await put(Buffer.from("hello"))).status).toBe(200);
  const other = await put(Buffer.from("jello"));
  expect([other.status, await other.json()]).toEqual([412, { code: "upload_exists" }]);
  expect(await (await fetch(await getLink())).text()).toBe("hello");
  expect(await files()).toHaveLength(1);
});

test("of two uploads at the same time with one link, one is taken", async () => {
  const answers = await Promise.all(["hello", "jello"].map((text) => put(Buffer.from(text))));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 412]);
  expect(await (await fetch(await getLink())).text()).toBe(answers[0]?.ok ? "hello" : "jello");
});

test("a changed link is refused, and so is an expired one", async () => {
  await put(Buffer.from("hello"));
  const link = await getLink();
  for (const changed of [
    link.replace("upl_1", "upl_2"),
    link.replace("upl_1", "%75pl_1"),
    `${link}&a=b`,
    `${link}0`,
  ]) {
    expect((await fetch(changed)).status).toBe(403);
  }
  const { url: putLink } = await store.signPut(key, { contentType, bytes: 5, once: true, expiresAt });
  now = expiresAt;
  expect(await (await fetch(link)).json()).toEqual({ code: "link_invalid" });
  const late = await fetch(putLink, {
    method: "PUT",
    body: "hello",
    headers: { "content-type": contentType },
  });
  expect(await late.json()).toEqual({ code: "link_invalid" });
});

test("a deleted video has expired; any other missing object was not uploaded", async () => {
  expect(await (await fetch(await getLink("videos/job_1/run_1.mp4"))).json()).toEqual({
    code: "video_expired",
  });
  expect(await (await fetch(await getLink())).json()).toEqual({ code: "upload_not_found" });
});

test("a video that is deleted while it is opened has expired", async () => {
  vi.spyOn(store, "head").mockResolvedValue({ bytes: 5, etag: '"gone"' });
  const answer = await fetch(await getLink("videos/job_1/run_1.mp4"));
  expect(await answer.json()).toEqual({ code: "video_expired" });
});

test.each(["text/html", "audio/wav; charset=utf-8"])(
  "%s instead of the declared type is refused",
  async (type) => {
    const { url: link } = await store.signPut(key, { contentType, bytes: 5, once: true, expiresAt });
    const answer = await fetch(link, { method: "PUT", body: "hello", headers: { "content-type": type } });
    expect(await answer.json()).toEqual({ code: "upload_mismatch" });
    expect(await files()).toEqual([]);
  },
);

test("another SHA-256 than the declared one is refused, and nothing stays", async () => {
  const answer = await put(Buffer.from("other"), "0".repeat(64));
  expect(await answer.json()).toEqual({ code: "upload_mismatch" });
  expect(await files()).toEqual([]);
});

test.each([
  ["one byte more", { "content-length": 6 }, "body_too_large"],
  ["300 MiB more", { "content-length": 300 * 1024 * 1024 }, "body_too_large"],
  ["one byte less", { "content-length": 4 }, "upload_mismatch"],
  ["no length", { "transfer-encoding": "chunked" }, "upload_mismatch"],
])("%s than declared is refused before the body is sent", async (_name, headers, code) => {
  const { url: link } = await store.signPut(key, { contentType, bytes: 5, once: true, expiresAt });
  const { request, answer } = send(link, headers);
  request.flushHeaders();
  expect(await codeOf(answer)).toBe(code);
  request.on("error", () => {}).destroy();
  expect(await files()).toEqual([]);
});

test("an upload that is broken off leaves nothing and is not our failure", async () => {
  const { url: link } = await store.signPut(key, { contentType, bytes: 500_000, once: true, expiresAt });
  const { request, answer } = send(link, { "content-length": 500_000 });
  answer.catch(() => {});
  request.write(randomBytes(200_000));
  await vi.waitFor(async () => expect(await files()).toHaveLength(1));
  request.destroy();
  await vi.waitFor(async () => expect(failures).toMatchObject([{ code: "upload_mismatch" }]));
  expect(await files()).toEqual([]);
});

test("a failure of the store in the middle of an upload is answered", async () => {
  vi.spyOn(store, "putSigned").mockImplementation(async (_link, body) => {
    for await (const _chunk of body) throw new Error("the disk is full");
    throw new Error("no body");
  });
  const answer = await put(randomBytes(100_000));
  expect(await answer.json()).toEqual({ code: "internal" });
});

test("a client that leaves a download does not keep the file open", async () => {
  await put(Buffer.alloc(20_000_000)); // more than the sockets hold
  const read = vi.spyOn(store, "read");
  const link = new URL(await getLink());
  const socket = connect(Number(link.port), link.hostname);
  socket.write(`GET ${link.pathname}${link.search} HTTP/1.1\r\nhost: localhost\r\n\r\n`);
  await new Promise((resolve) => socket.once("data", resolve));
  socket.pause();
  const stream = await read.mock.results[0]?.value;
  expect(stream).toMatchObject({ closed: false });
  socket.destroy();
  await vi.waitFor(() => expect(stream).toMatchObject({ closed: true }));
  expect(failures).toEqual([]);
});

test("a page of any origin may use a link", async () => {
  const preflight = await fetch(await getLink(), {
    method: "OPTIONS",
    headers: { origin: "https://example.com", "access-control-request-method": "PUT" },
  });
  expect(preflight.status).toBe(204);
  expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
  expect(preflight.headers.get("access-control-allow-methods")).toBe("GET, HEAD, PUT");
  expect(preflight.headers.get("access-control-allow-headers")).toContain("content-type");
  const refused = await fetch(`${url}/objects/${key}`, { headers: { origin: "https://example.com" } });
  expect(refused.status).toBe(403);
  expect(refused.headers.get("access-control-allow-origin")).toBe("*");
});

test("an empty object is served", async () => {
  expect((await put(Buffer.alloc(0))).status).toBe(200);
  const answer = await fetch(await getLink());
  expect(answer.status).toBe(200);
  expect(await answer.text()).toBe("");
});

test("the parsers of other routes stay as they are", async () => {
  await app.close();
  app = Fastify();
  app.post("/json", async (request) => request.body);
  await app.register(objectRoutes, { store, shareLoad() {} });
  const answer = await app.inject({ method: "POST", url: "/json", payload: { a: 1 } });
  expect(answer.json()).toEqual({ a: 1 });
});
