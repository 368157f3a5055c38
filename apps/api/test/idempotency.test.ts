import { randomUUID } from "node:crypto";
import { LIMITS } from "@avatar/contract/limits";
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, expect, test } from "vitest";
import { jobs } from "../src/db/schema/schema.ts";
import { PORTRAIT, SPEECH } from "./support/fixtures.ts";
import { isProof } from "./support/seeded-random.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { createTestDatabase, type TestDatabase } from "./support/test-database.ts";

let database: TestDatabase;
let api: TestApi;
beforeEach(async () => {
  database = await createTestDatabase();
  api = await startTestApi({ database });
});
afterEach(async () => {
  await api.stop();
  await database.remove();
});

const KEYS = isProof ? 200 : 2;
const REQUESTS = 100;

const generate = (body: unknown, key: string) =>
  api.rest("POST", "/v1/jobs", body, { "idempotency-key": key });

/** The same request whenever it is made, as files need not have been uploaded before. */
function aForm(fields: Record<string, string> = {}): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.set(name, value);
  form.set("image", new File([new Uint8Array(PORTRAIT)], "me.png", { type: "image/png" }));
  form.set("audio", new File([new Uint8Array(SPEECH)], "me.wav", { type: "audio/wav" }));
  return form;
}

test(`F8: ${REQUESTS} equal requests at once make one job and have one answer, for each of ${KEYS} keys`, async () => {
  const inputs = await api.uploadFixtures();
  for (let i = 0; i < KEYS; i++) {
    const key = randomUUID();
    const answers = await Promise.all(Array.from({ length: REQUESTS }, () => generate(inputs, key)));

    expect(new Set(answers.map((answer) => answer.status))).toEqual(new Set([202]));
    const made = await api.db.select({ id: jobs.id }).from(jobs).where(eq(jobs.idempotencyKey, key));
    expect(made).toHaveLength(1);
    expect(new Set(answers.map((answer) => answer.body.id))).toEqual(new Set([made[0]?.id]));
    const replayed = answers.filter((answer) => answer.headers.get("idempotency-replayed") === "true");
    expect(replayed).toHaveLength(REQUESTS - 1);
  }
}, 3_600_000);

test("F8: of requests with one key and different bodies, one is taken and the others are refused", async () => {
  const inputs = await api.uploadFixtures();
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, seed) => generate({ ...inputs, seed }, "different")),
  );
  const [taken, ...more] = answers.filter((answer) => answer.status === 202);
  expect(more).toEqual([]);
  const refused = answers.filter((answer) => answer !== taken);
  expect(refused.map((answer) => [answer.status, answer.body.code])).toEqual(
    refused.map(() => [409, "idempotency_mismatch"]),
  );
});

test("F8: equal forms at once make one job and leave one pair of files", async () => {
  const answers = await Promise.all(Array.from({ length: 10 }, () => generate(aForm(), "form")));
  expect(answers.map((answer) => answer.status)).toEqual(answers.map(() => 202));
  expect(new Set(answers.map((answer) => answer.body.id)).size).toBe(1);
  expect(await database.objects("uploads/")).toHaveLength(2);
});

test("F8: the key means the same job after a restart", async () => {
  const inputs = await api.uploadFixtures();
  const { body } = await generate(inputs, "restart");
  await api.stop();
  api = await startTestApi({ database });
  const again = await generate(inputs, "restart");
  expect([again.status, again.body.id]).toEqual([202, body.id]);
  expect(again.headers.get("idempotency-replayed")).toBe("true");
});

test("F8: the key means the same job for 24 hours, then it is free", async () => {
  const first = await generate(aForm(), "day");
  api.advance(LIMITS.idempotencySeconds * 1000 - 60_000);
  const within = await generate(aForm(), "day");
  expect([within.status, within.body.id]).toEqual([202, first.body.id]);
  const other = await generate(aForm({ seed: "7" }), "day");
  expect([other.status, other.body.code]).toEqual([409, "idempotency_mismatch"]);

  api.advance(2 * 60_000);
  const later = await Promise.all(Array.from({ length: 5 }, () => generate(aForm({ seed: "7" }), "day")));
  expect(later.map((answer) => answer.status)).toEqual(later.map(() => 202));
  const ids = new Set(later.map((answer) => answer.body.id));
  expect(ids.size).toBe(1);
  expect(ids).not.toContain(first.body.id);
});
