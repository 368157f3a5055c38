import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createDiskObjectStore, type DiskObjectStore } from "./disk-object-store.ts";
import { ObjectNotFound, ObjectTooLarge } from "./object-store.ts";

let directory: string;
let store: DiskObjectStore;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "avatar-objects-"));
  store = createDiskObjectStore({
    directory,
    publicUrl: () => "http://localhost:1234",
    signingSecret: "secret",
    now: () => new Date("2026-01-01T00:00:00Z"),
  });
  await store.start();
});
afterEach(() => rm(directory, { recursive: true }));

async function* chunks(...texts: string[]) {
  for (const text of texts) yield Buffer.from(text);
}
const contentType = "audio/wav";
const text = async (key: string, range?: { start: number; end: number }) =>
  (await buffer(await store.read(key, range))).toString();
const files = async () =>
  (await readdir(directory, { recursive: true, withFileTypes: true })).filter((f) => f.isFile());

test("an object comes back as it was put", async () => {
  const stored = await store.put("uploads/upl_1", chunks("hello ", "world"), { contentType });
  expect(stored).toEqual({
    bytes: 11,
    sha256: "b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",
  });
  expect(await text("uploads/upl_1")).toBe("hello world");
  expect(await text("uploads/upl_1", { start: 4, end: 8 })).toBe("o wo");
  expect(await text("uploads/upl_1", { start: 4, end: 4 })).toBe("");
  expect(await store.head("uploads/upl_1")).toMatchObject({ bytes: 11 });
  expect(await files()).toHaveLength(1);
});

test("a second put replaces the first", async () => {
  await store.put("uploads/upl_1", chunks("first"), { contentType });
  const before = await store.head("uploads/upl_1");
  await store.put("uploads/upl_1", chunks("other"), { contentType });
  expect(await text("uploads/upl_1")).toBe("other");
  expect((await store.head("uploads/upl_1"))?.etag).not.toBe(before?.etag);
});

test("an object with one byte too many leaves nothing", async () => {
  await store.put("uploads/upl_1", chunks("12345"), { contentType, maxBytes: 5 });
  const put = store.put("uploads/upl_2", chunks("12345", "6"), { contentType, maxBytes: 5 });
  await expect(put).rejects.toThrow(ObjectTooLarge);
  expect(await files()).toHaveLength(1);
});

test("a body that fails leaves nothing, and what was there before stays", async () => {
  await store.put("uploads/upl_1", chunks("before"), { contentType });
  async function* failing() {
    yield Buffer.from("some bytes");
    throw new Error("the line went dead");
  }
  await expect(store.put("uploads/upl_1", failing(), { contentType })).rejects.toThrow("the line went dead");
  expect(await text("uploads/upl_1")).toBe("before");
  expect(await files()).toHaveLength(1);
});

test("an abort ends a put whose body never comes", async () => {
  const abort = new AbortController();
  async function* hanging() {
    yield Buffer.from("some bytes");
    setImmediate(() => abort.abort());
    await new Promise<never>(() => {});
  }
  const put = store.put("uploads/upl_1", hanging(), { contentType, signal: abort.signal });
  await expect(put).rejects.toMatchObject({ name: "AbortError" });
  expect(await files()).toEqual([]);
});

test("a put that was aborted before it began stores nothing", async () => {
  const put = store.put("uploads/upl_1", chunks("bytes"), { contentType, signal: AbortSignal.abort() });
  await expect(put).rejects.toMatchObject({ name: "AbortError" });
  expect(await files()).toEqual([]);
});

test("what a killed process was receiving is removed at the start", async () => {
  await writeFile(join(directory, "incoming", "half"), "half of a file");
  await store.start();
  expect(await files()).toEqual([]);
});

test("a missing object is found missing", async () => {
  await store.put("videos/job_1/run_1.mp4", chunks("video"), { contentType });
  for (const key of ["uploads/upl_1", "videos/job_1", "videos/job_1/run_1.mp4/more"]) {
    expect(await store.head(key)).toBeUndefined();
  }
  await expect(store.read("uploads/upl_1")).rejects.toThrow(ObjectNotFound);
});

test("deleting removes objects and the directory of a job, missing ones included", async () => {
  await store.put("uploads/upl_1", chunks("portrait"), { contentType });
  await store.put("videos/job_1/run_1.mp4", chunks("one"), { contentType });
  await store.put("videos/job_1/run_2.mp4", chunks("two"), { contentType });
  await store.delete(["videos/job_1/run_1.mp4", "uploads/upl_1", "uploads/upl_9", "claims/job_9/run_9"]);
  expect(await text("videos/job_1/run_2.mp4")).toBe("two");
  await store.delete(["videos/job_1/run_2.mp4"]);
  expect(await readdir(join(directory, "objects", "videos"))).toEqual([]);
  expect(await files()).toEqual([]);
});

test("putting while the last object of a directory is deleted never fails", async () => {
  for (let round = 0; round < 30; round++) {
    await Promise.all([
      store.put("videos/job_1/run_2.mp4", chunks("two"), { contentType }),
      store.delete(["videos/job_1/run_1.mp4"]),
    ]);
    await store.delete(["videos/job_1/run_2.mp4"]);
  }
});

test.each([
  "uploads",
  "uploads/",
  "uploads/../x",
  "uploads/..",
  "uploads/./x",
  "../x",
  "/etc/passwd",
  "uploads/a b",
  "Uploads/a",
  "uploads//a",
  "uploads/a\0",
])("%o is not a key", async (key) => {
  await expect(store.head(key)).rejects.toThrow("bad key");
  await expect(store.put(key, chunks("x"), { contentType })).rejects.toThrow("bad key");
  await expect(store.signGet(key, { expiresAt: new Date(), contentType, fileName: "x" })).rejects.toThrow(
    "bad key",
  );
  expect(await files()).toEqual([]);
});

test("a link starts with the public URL and is signed for its object", async () => {
  const expiresAt = new Date("2026-01-01T01:00:00Z");
  const { url, headers } = await store.signPut("uploads/upl_1", {
    contentType,
    bytes: 5,
    once: true,
    expiresAt,
  });
  expect(headers).toEqual({ "Content-Type": "audio/wav", "If-None-Match": "*" });
  expect(url.startsWith("http://localhost:1234/objects/uploads/upl_1?")).toBe(true);
  expect(store.verifyPut(url.slice("http://localhost:1234/objects/".length))).toEqual({
    key: "uploads/upl_1",
    contentType,
    bytes: 5,
    sha256: undefined,
    once: true,
    expiresAt,
  });
});
