import { openAsBlob } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { ApiError, Avatar } from "../src/index.ts";
import { waitFor } from "./support/fake-api.ts";
import { createFakeClock, errorOf, files, png, useFakeApi, wav } from "./support/use-fake-api.ts";

const given = useFakeApi();

test("onUpload reports the start and the end of each file", async () => {
  const seen: string[] = [];
  await given.avatar.generate(files(), {
    onUpload: ({ input, loaded, total }) => seen.push(`${input} ${loaded}/${total}`),
  });
  expect(seen.sort()).toEqual(["audio 0/76", "audio 76/76", "image 0/72", "image 72/72"]);
});

test("an upload whose answer was lost is there: the link takes a file once", async () => {
  const { api, avatar } = given;
  api.fail("PUT /objects/:id", "lost-reply");
  const { id } = await avatar.upload(png());
  expect(api.count("PUT /objects/:id")).toBe(2);
  expect(api.uploads.get(id)?.length).toBe(72);
});

test("a file that is too large for the API is refused before a byte of either is sent", async () => {
  const { api, avatar } = given;
  api.fail("POST /v1/uploads", { code: "audio_too_large" });
  const error = await errorOf(avatar.generate(files()));
  expect(error).toBeInstanceOf(ApiError);
  expect(error).toMatchObject({ code: "audio_too_large", attempts: 1 });
  expect(api.count("PUT /objects/:id")).toBe(0);
});

const xml = (code: string) =>
  `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${code}</Code><Message>No.</Message></Error>`;

test.each([
  [400, "BadDigest", "upload_mismatch"],
  [400, "XAmzContentChecksumMismatch", "upload_mismatch"],
  [400, "EntityTooLarge", "http_400"],
  [403, "AccessDenied", "http_403"],
])("an answer %i %s of the store is %s and not sent again", async (status, code, expected) => {
  const { api, avatar } = given;
  api.fail("PUT /objects/:id", { status, body: xml(code) });
  const error = await errorOf(avatar.upload(png()));
  expect(error).toMatchObject({ code: expected, status, attempts: 1, retryable: false });
});

test.each([
  [503, "SlowDown"],
  [500, "InternalError"],
  [409, "ConditionalRequestConflict"], // An earlier try is still under way there.
])("an answer %i %s of the store is followed by another try", async (status, code) => {
  const { api, avatar } = given;
  api.fail("PUT /objects/:id", { status, body: xml(code) }, { status, body: xml(code) });
  const { id } = await avatar.upload(png());
  expect(api.count("PUT /objects/:id")).toBe(3);
  expect(api.uploads.get(id)?.length).toBe(72);
});

const MIB = 1024 * 1024;

/** An API and a store that read no byte: each PUT waits for the test to answer it. */
function aStoreOfParts() {
  const declared: Record<string, unknown>[] = [];
  const puts: { part: number; file: Blob; answer(status: number): void }[] = [];
  const sizes = [16, 16, 16, 16, 6].map((size) => size * MIB);
  const expiresAt = "2026-01-01T01:00:00.000Z";
  const avatar = new Avatar({
    apiKey: "avk_1",
    baseUrl: "https://api.test",
    clock: createFakeClock(),
    fetch(url, { body }) {
      if (url.endsWith("/v1/uploads")) {
        declared.push(JSON.parse(String(body)));
        const parts = sizes.map((bytes, part) => ({ bytes, headers: {}, url: `https://store.test/${part}` }));
        return Promise.resolve(Response.json({ id: "upload_1", method: "PUT", parts, expiresAt }));
      }
      return new Promise((resolve) => {
        puts.push({
          part: Number(new URL(url).pathname.slice(1)),
          file: body as unknown as Blob,
          answer: (status) => resolve(new Response(null, { status })),
        });
      });
    },
  });
  /** Answers the next request there is. */
  async function answer(status: number) {
    await waitFor(() => puts.length > 0);
    const put = puts.shift();
    put?.answer(status);
    return put?.part;
  }
  return { avatar, declared, puts, answer };
}

const large = () => wav(70 * MIB - 12);

test("a large file goes in parts, one after the other, with a report after each", async () => {
  const store = aStoreOfParts();
  const recording = large();
  const loaded: number[] = [];
  const upload = store.avatar.upload(recording, { onUpload: (progress) => loaded.push(progress.loaded) });
  const sizes: number[] = [];
  for (const part of [0, 1, 2, 3, 4]) {
    await waitFor(() => store.puts.length > 0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(store.puts.map((put) => put.part)).toEqual([part]);
    const file = store.puts[0]?.file;
    if (part === 0) expect(await file?.slice(0, 4).text()).toBe("RIFF");
    sizes.push(Number(file?.size) / MIB);
    await store.answer(200);
  }
  expect(sizes).toEqual([16, 16, 16, 16, 6]);
  expect(await upload).toEqual({ id: "upload_1", expiresAt: new Date("2026-01-01T01:00:00Z") });
  expect(store.declared).toEqual([{ contentType: "audio/wav", bytes: 70 * MIB, inParts: true }]);
  expect(loaded).toEqual([0, 16, 32, 48, 64, 70].map((size) => size * MIB));
});

test("a part that breaks is sent again, and no other", async () => {
  const store = aStoreOfParts();
  const upload = store.avatar.upload(large());
  const sent: (number | undefined)[] = [];
  for (const status of [200, 503, 500, 200, 200, 200, 200]) sent.push(await store.answer(status));
  expect((await upload).id).toBe("upload_1");
  expect(sent).toEqual([0, 1, 1, 1, 2, 3, 4]);
});

test("a part that is refused ends the upload", async () => {
  const store = aStoreOfParts();
  const upload = errorOf(store.avatar.upload(large()));
  await store.answer(200);
  await store.answer(403);
  expect(await upload).toMatchObject({ code: "http_403" });
  expect(store.puts).toEqual([]);
});

test("a stream is read no further once the call is over", async () => {
  const canceled = Promise.withResolvers<unknown>();
  const endless = new ReadableStream<Uint8Array>({
    async pull(controller) {
      await new Promise(setImmediate);
      controller.enqueue(new Uint8Array(1000));
    },
    cancel: canceled.resolve,
  });
  const error = await errorOf(given.avatar.upload(endless, { timeoutMs: 50 }));
  expect(error).toMatchObject({ code: "timeout" });
  await canceled.promise;
});

test("the answer of a fetch is a file, and one that failed is not", async () => {
  const { api, avatar } = given;
  const { id } = await avatar.upload(new Response(png()));
  expect(api.uploads.get(id)?.length).toBe(72);
  const failed = await errorOf(avatar.upload(new Response("gone", { status: 404 })));
  expect(failed).toMatchObject({ code: "invalid_input", detail: "The answer with the file has status 404." });
  expect(await errorOf(avatar.upload(new Response(null)))).toMatchObject({ code: "empty_file" });
});

test("a file that is deleted after it was declared is not waited for", async () => {
  const path = join(await mkdtemp(join(tmpdir(), "avatar-")), "a.png");
  onTestFinished(() => rm(dirname(path), { recursive: true }));
  await writeFile(path, Buffer.from(await png().arrayBuffer()));
  const error = await errorOf(
    given.avatar.upload(() => openAsBlob(path), { onUpload: () => rm(path, { force: true }) }),
  );
  expect(error).toMatchObject({ code: "unexpected", retryable: false });
  expect(given.api.count("PUT /objects/:id")).toBeLessThan(2);
});
