import { randomUUID } from "node:crypto";
import { LIMITS } from "@avatar/contract/limits";
import { eq } from "drizzle-orm";
import { afterEach, beforeEach, expect, test } from "vitest";
import { jobs } from "../src/db/schema/schema.ts";
import { uploadFixtures } from "./support/fixtures.ts";
import { aForm } from "./support/form.ts";
import { createRest } from "./support/rest.ts";
import { insertKey, OWNER } from "./support/rows.ts";
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

test("F8: a repeated request is answered although a limit is reached by now, and counts as a request", async () => {
  const limits = { requestsPerMinute: 8, jobsInFlight: 1, jobsQueued: 1 };
  const rest = createRest(api.url, await insertKey(api, OWNER, { limits }));
  const release = Promise.withResolvers<void>();
  api.engine.scripts.push({ hold: release.promise });
  const inputs = await uploadFixtures(rest);
  const repeat = (key: string) => rest("POST", "/v1/jobs", inputs, { "idempotency-key": key });
  const { body } = await repeat("first");

  const other = await repeat("second");
  expect(other.body.code).toBe("too_many_jobs");
  // Of requests at once, too: which of them is looked at first is not known.
  const again = await Promise.all([repeat("first"), repeat("second"), repeat("first")]);
  expect(again.map(({ status }) => status)).toEqual([202, 429, 202]);
  expect([again[0]?.body.id, again[2]?.body.id]).toEqual([body.id, body.id]);
  const last = await repeat("first");
  expect([last.status, last.headers.get("ratelimit-remaining")]).toEqual([202, "0"]);
  expect((await repeat("first")).body.code).toBe("rate_limited");
  release.resolve();
});

test("F8: a request that a limit refused is taken as new when it is repeated later", async () => {
  const rest = createRest(api.url, await insertKey(api, OWNER, { limits: { jobsInFlight: 1 } }));
  const release = Promise.withResolvers<void>();
  api.engine.scripts.push({ hold: release.promise });
  const inputs = await uploadFixtures(rest);
  const repeat = (key: string) => rest("POST", "/v1/jobs", inputs, { "idempotency-key": key });
  const { body } = await repeat("one");
  expect((await repeat("two")).status).toBe(429);
  await rest("POST", `/v1/jobs/${body.id}/cancel`);
  const taken = await repeat("two");
  expect([taken.status, taken.headers.get("idempotency-replayed")]).toEqual([202, null]);
});
