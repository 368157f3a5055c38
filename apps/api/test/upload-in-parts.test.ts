import { createHash } from "node:crypto";
import { LIMITS } from "@avatar/contract/limits";
import type { PartedUpload } from "@avatar/contract/types";
import { afterAll, beforeAll, expect, test } from "vitest";
import { uploads } from "../src/db/schema/schema.ts";
import { aPng, aWav } from "./media/media-files.ts";
import { sweep } from "./support/leftovers.ts";
import { untilStatus } from "./support/queue.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { filesIn } from "./support/test-database.ts";

/** Ten minutes at 48 kHz, 16 bits, mono: four parts. */
const LONG = aWav({ seconds: 599, sampleRate: 48_000 });
const PART = LIMITS.uploadPartBytes;
const sha256 = createHash("sha256").update(LONG).digest("hex");

let api: TestApi;
let image: string;
beforeAll(async () => {
  api = await startTestApi();
  image = await api.upload("image/png", aPng());
});
afterAll(() => api.stop());

async function declare(settings = {}): Promise<PartedUpload> {
  const input = { contentType: "audio/wav", bytes: LONG.length, inParts: true, ...settings };
  const { status, body } = await api.rest("POST", "/v1/uploads", input);
  expect(status).toBe(201);
  return body;
}

/** PUTs a part; of other bytes where `file` is another. */
async function send({ parts }: PartedUpload, index: number, file = LONG): Promise<number> {
  const part = parts[index];
  if (!part) throw new Error(`there is no part ${index}`);
  const body = new Uint8Array(file.subarray(index * PART, index * PART + part.bytes));
  const { status } = await fetch(part.url, { method: "PUT", headers: part.headers, body });
  return status;
}

const generate = (audio: string) => api.rest("POST", "/v1/jobs", { image, audio });

test("the parts of a file, sent in any order, make one file, which several jobs can use", async () => {
  const upload = await declare({ sha256 });
  const sizes = [PART, PART, PART, LONG.length - 3 * PART];
  expect(upload.parts.map(({ bytes }) => bytes)).toEqual(sizes);
  for (const index of [2, 0, 3]) expect(await send(upload, index)).toBe(200);
  expect((await generate(upload.id)).body.code).toBe("upload_incomplete");
  expect(await send(upload, 1)).toBe(200);
  const answers = await Promise.all([1, 2, 3].map(() => generate(upload.id)));
  for (const { status, body } of answers) {
    expect([status, body.audioSeconds]).toEqual([202, 599]);
    await untilStatus(api.db, body.id, "succeeded");
  }
  expect((await api.database.readObject(`uploads/${upload.id}`)).equals(LONG)).toBe(true);
  expect(await api.database.objects("uploads/")).toEqual([`uploads/${image}`, `uploads/${upload.id}`].sort());
});

test("a part can be sent again until the file is used", async () => {
  const upload = await declare({ sha256 });
  for (const index of [0, 1, 2, 3]) await send(upload, index);
  expect(await send(upload, 1, Buffer.alloc(LONG.length))).toBe(200);
  expect(await send(upload, 1)).toBe(200);
  expect((await generate(upload.id)).status).toBe(202);
});

test("other bytes than the declared SHA-256 are refused, every time", async () => {
  const upload = await declare({ sha256: "0".repeat(64) });
  for (const index of [0, 1, 2, 3]) await send(upload, index);
  for (const _ of [1, 2]) {
    const { status, body } = await generate(upload.id);
    expect([status, body.code]).toEqual([422, "upload_mismatch"]);
  }
});

test("a part of another size is refused", async () => {
  const { parts } = await declare();
  const [part] = parts;
  const put = { method: "PUT", headers: part?.headers ?? {}, body: "abc" };
  expect((await fetch(part?.url ?? "", put)).status).toBeGreaterThanOrEqual(400);
});

test("parts that nobody uses are deleted with their upload", async () => {
  const upload = await declare();
  await send(upload, 0);
  await sweep(api.db, api.database, new Date(Date.now() + 2 * 3_600_000));
  const parts = api.database.s3
    ? [...api.database.s3.uploads.keys()]
    : await filesIn(api.database.dataDir, "objects");
  expect(parts.filter((name) => name.includes("parts") || api.database.s3)).toEqual([]);
  const rows = await api.db.select({ token: uploads.partsToken }).from(uploads);
  expect(rows.filter(({ token }) => token !== null)).toEqual([]);
});
