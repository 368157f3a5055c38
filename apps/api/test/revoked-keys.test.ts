import { afterAll, beforeAll, expect, test } from "vitest";
import { jobs, uploads } from "../src/db/schema/schema.ts";
import { PORTRAIT, SPEECH } from "./support/fixtures.ts";
import { type KeyInUse, makeChild, makeKey, revokeKey, rotateKey, uploadInputs } from "./support/keys.ts";
import { FORM_TYPE, multipart } from "./support/multipart.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { createTestDatabase, type TestDatabase } from "./support/test-database.ts";
import { until } from "./support/until.ts";

let database: TestDatabase;
let api: TestApi;
beforeAll(async () => {
  database = await createTestDatabase();
  const startedAt = Date.now();
  // Time stands still but when a test moves it, so what is remembered for a second stays.
  const now = () => new Date(startedAt + database.clock.aheadMs);
  api = await startTestApi({ database, dispatcher: { maxRunsInFlight: 0 }, now });
});
afterAll(async () => {
  await api.stop();
  await database.remove();
});

const ENDS: Record<string, () => Promise<[KeyInUse, () => Promise<unknown>]>> = {
  async "a revoked key"() {
    const key = await makeKey(api);
    return [key, () => revokeKey(api, key.id)];
  },
  async "a key that was rotated without an overlap"() {
    const key = await makeKey(api);
    return [key, () => rotateKey(api, key.id, { overlapSeconds: 0 })];
  },
  async "a child key whose parent is revoked"() {
    const parent = await makeKey(api);
    return [await makeChild(api, parent), () => revokeKey(api, parent.id)];
  },
  async "a child key whose parent was rotated without an overlap"() {
    const parent = await makeKey(api);
    return [await makeChild(api, parent), () => rotateKey(api, parent.id, { overlapSeconds: 0 })];
  },
  async "a child key that is revoked"() {
    const child = await makeChild(api, await makeKey(api));
    return [child, () => revokeKey(api, child.id)];
  },
};

test.each(Object.entries(ENDS))("%s makes no job, though it is remembered", async (_what, make) => {
  const [key, end] = await make();
  const inputs = await uploadInputs(key);
  await end();
  expect((await key.rest("GET", "/v1/limits")).status).toBe(200);
  const { status, body } = await key.rest("POST", "/v1/jobs", inputs);
  expect([status, body.code]).toEqual([401, "unauthorized"]);
  expect(await api.db.$count(jobs)).toBe(0);
});

test("a form whose key is revoked while it is on its way makes no job", async () => {
  const key = await makeKey(api);
  const bytes = multipart([
    { name: "image", content: PORTRAIT, fileName: "me.png", type: "image/png" },
    { name: "audio", content: SPEECH, fileName: "hello.wav", type: "audio/wav" },
  ]);
  const withinAudio = bytes.length - SPEECH.length;
  const uploadsBefore = await api.db.$count(uploads);
  const rest = Promise.withResolvers<void>();
  async function* body() {
    yield bytes.subarray(0, withinAudio);
    await rest.promise;
    yield bytes.subarray(withinAudio);
  }
  const answer = fetch(`${api.url}/v1/jobs`, {
    method: "POST",
    headers: { authorization: `Bearer ${key.key}`, ...FORM_TYPE },
    body: ReadableStream.from(body()),
    duplex: "half",
  });
  await until("its first file has come", async () => (await api.db.$count(uploads)) > uploadsBefore);
  await revokeKey(api, key.id);
  api.advance(1001);
  rest.resolve();
  expect((await answer).status).toBe(401);
  expect(await api.db.$count(jobs)).toBe(0);
  expect(await api.db.$count(uploads), "its files are gone").toBe(uploadsBefore);
});
