import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { jobs, uploads } from "../../src/db/schema/schema.ts";
import { uploadFixtures } from "../support/fixtures.ts";
import { aForm } from "../support/form.ts";
import { startReplicas } from "../support/replicas.ts";
import type { RestAnswer } from "../support/rest.ts";
import { insertKey } from "../support/rows.ts";
import { isProof } from "../support/seeded-random.ts";

const LONG = 3_600_000;
const KEYS = isProof ? 200 : 10;
const REQUESTS = 100;
const CHILD = { dispatcher: { maxRunsInFlight: 0 } };

const statuses = (answers: RestAnswer[]) => [...new Set(answers.map(({ status }) => status))];
const isReplayed = ({ headers }: RestAnswer) => headers.get("idempotency-replayed") === "true";
const withKey = (key: string) => ({ "idempotency-key": key });

test(
  `F8: ${REQUESTS} equal requests at once over two processes make one job and have one answer, for each of ${KEYS} keys`,
  async () => {
    const { db, restOf } = await startReplicas(CHILD, {
      KEY_JOBS_IN_FLIGHT: "1000",
      KEY_JOBS_QUEUED: "1000",
    });
    const limits = { requestsPerMinute: 1e9 };
    // Of one owner: its API keys share its idempotency keys.
    const rests = [
      restOf(await insertKey({ db }, "owner_1", { limits })),
      restOf(await insertKey({ db }, "owner_1", { limits })),
    ];
    const inputs = await uploadFixtures(rests[0] ?? restOf(""));
    for (let i = 0; i < KEYS; i++) {
      const answers = await Promise.all(
        Array.from({ length: REQUESTS }, (_, index) =>
          (rests[(index >> 1) % 2] ?? restOf(""))("POST", "/v1/jobs", inputs, withKey(`key-${i}`)),
        ),
      );

      expect(statuses(answers)).toEqual([202]);
      const made = await db
        .select()
        .from(jobs)
        .where(eq(jobs.idempotencyKey, `key-${i}`));
      expect(made).toHaveLength(1);
      expect(new Set(answers.map(({ body }) => JSON.stringify(body))).size).toBe(1);
      expect(answers[0]?.body.id).toBe(made[0]?.id);
      expect(answers.filter(isReplayed)).toHaveLength(REQUESTS - 1);
    }
    expect(await db.$count(jobs)).toBe(KEYS);
  },
  LONG,
);

test("F8: over two processes, of different requests with one key one is taken, and the others are refused", async () => {
  const { db, restOf } = await startReplicas(CHILD);
  const rest = restOf(await insertKey({ db }, "owner_1"));
  const inputs = await uploadFixtures(rest);
  const answers = await Promise.all(
    Array.from({ length: 60 }, (_, index) =>
      rest("POST", "/v1/jobs", { ...inputs, seed: index % 20 }, withKey("different")),
    ),
  );
  const taken = answers.filter(({ status }) => status === 202);
  const refused = answers.filter(({ status }) => status !== 202);
  expect(taken).toHaveLength(3);
  expect(new Set(taken.map(({ body }) => body.id)).size).toBe(1);
  expect(refused.map(({ status, body }) => [status, body.code])).toEqual(
    refused.map(() => [409, "idempotency_mismatch"]),
  );
});

test("F8: equal forms at once over two processes make one job and leave one pair of files", async () => {
  const { db, database, restOf } = await startReplicas(CHILD);
  const rest = restOf(await insertKey({ db }, "owner_1"));
  const answers = await Promise.all(
    Array.from({ length: 10 }, () => rest("POST", "/v1/jobs", aForm(), withKey("form"))),
  );
  expect(statuses(answers)).toEqual([202]);
  expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
  expect(await db.$count(uploads)).toBe(2);
  expect(await database.objects("uploads/")).toHaveLength(2);
});
