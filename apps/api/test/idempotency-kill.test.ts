import { isNotNull } from "drizzle-orm";
import { expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../src/db/client.ts";
import { jobs } from "../src/db/schema/schema.ts";
import { uploadFixtures } from "./support/fixtures.ts";
import type { Rest } from "./support/rest.ts";
import { createRestartingApi } from "./support/restarting-api.ts";
import { isProof, SEED, seededRandom } from "./support/seeded-random.ts";
import { createTestDatabase } from "./support/test-database.ts";

const KILLS = isProof ? 50 : 2;
const KEYS = 10;

test(`F8: requests that are repeated after kill -9 make no second job, ${KILLS} kills`, async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.remove());
  const random = seededRandom(SEED);
  const env = { KEY_REQUESTS_PER_MINUTE: "1000000", KEY_JOBS_IN_FLIGHT: "10000", KEY_JOBS_QUEUED: "10000" };
  const child = { dispatcher: { maxRunsInFlight: 0 } };
  const api = await createRestartingApi({ database, child, env });
  const inputs = await api.surely(uploadFixtures);
  const submit = (rest: Rest, key: string) =>
    rest("POST", "/v1/jobs", inputs, { "idempotency-key": key }).then(({ status, body }) => {
      expect(status, JSON.stringify(body)).toBe(202);
      return body.id as string;
    });
  const idsOf = new Map<string, Set<string>>();
  let unanswered = 0;
  for (let round = 0; round < KILLS; round++) {
    const keys = Array.from({ length: KEYS }, (_, index) => `${round}-${index}`);
    const first = await api.surely(async (rest) => {
      // Three at once of each, and the kill falls into them, once so many are answered.
      const enough = Promise.withResolvers<void>();
      let left = Math.ceil(random() * KEYS);
      const asked = [...keys, ...keys, ...keys].map((key) =>
        submit(rest, key).finally(() => --left === 0 && enough.resolve()),
      );
      const settled = Promise.allSettled(asked);
      await enough.promise;
      await api.kill();
      return settled;
    });
    for (const [index, answer] of first.entries()) {
      const ids = idsOf.get(keys[index % KEYS] ?? "") ?? new Set();
      idsOf.set(keys[index % KEYS] ?? "", ids);
      if (answer.status === "fulfilled") ids.add(answer.value);
      else if (answer.reason instanceof TypeError) unanswered++;
      else throw answer.reason;
    }
    for (const key of keys) idsOf.get(key)?.add(await api.surely((rest) => submit(rest, key)));
  }
  await api.stop();

  const { db, close } = await openDatabase(database.config);
  onTestFinished(close);
  const rows = await db
    .select({ id: jobs.id, key: jobs.idempotencyKey })
    .from(jobs)
    .where(isNotNull(jobs.idempotencyKey));
  console.log(`${rows.length} jobs, ${KILLS} kills, ${unanswered} requests unanswered, seed ${SEED}`);
  expect(unanswered).toBeGreaterThan(0);
  const found = rows.map(({ id, key }) => [key, [id]]).sort();
  expect(found).toEqual([...idsOf].map(([key, ids]) => [key, [...ids]]).sort());
}, 3_600_000);
