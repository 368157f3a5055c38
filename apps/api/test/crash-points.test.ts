import { randomUUID } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eq } from "drizzle-orm";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../src/db/client.ts";
import { jobs } from "../src/db/schema/schema.ts";
import type { ChildOptions } from "./support/child-main.ts";
import { uploadFixtures } from "./support/fixtures.ts";
import { expectNoLeftovers } from "./support/leftovers.ts";
import { outcomesOf } from "./support/queue.ts";
import { createRestartingApi } from "./support/restarting-api.ts";
import { isProof, SEED, seededRandom } from "./support/seeded-random.ts";
import { createTestDatabase, type TestDatabase } from "./support/test-database.ts";

const SAMPLE = isProof ? Number.POSITIVE_INFINITY : 2;
// The second start must not take the scripted failure for its own.
const AGAIN: ChildOptions = { engine: "succeed" };

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
  onTestFinished(() => database.remove());
});

/** Uploads, generates and waits; what does not answer is asked again. @returns how often the API was killed. */
async function generateOnce(child: ChildOptions): Promise<number> {
  const api = await createRestartingApi({ database, child: AGAIN });
  const key = randomUUID();
  await api.start({ ...child, engine: "fail first" });
  const inputs = await api.surely(uploadFixtures);
  const job = await api.surely(async (rest) => {
    const { status, body } = await rest("POST", "/v1/jobs", inputs, { "idempotency-key": key });
    expect(status).toBe(202);
    return body;
  });
  const status = await api.surely(async (rest) => {
    const { body } = await rest("GET", `/v1/jobs/${job.id}?wait=30&after=99`);
    return body.status;
  });
  const video = await api.surely(async (rest) => {
    const result = await rest("GET", `/v1/jobs/${job.id}/result`);
    return (await fetch(result.body.url)).text();
  });
  await api.stop();

  expect([status, video]).toEqual(["succeeded", expect.stringContaining(`the video of ${job.id}`)]);
  const { db, close } = await openDatabase(database.config);
  try {
    const made = await db.select({ id: jobs.id }).from(jobs).where(eq(jobs.idempotencyKey, key));
    expect(made).toEqual([{ id: job.id }]);
    expect((await outcomesOf(db, job.id)).filter((outcome) => outcome === "succeeded")).toHaveLength(1);
    await expectNoLeftovers(db, database);
  } finally {
    await close();
  }
  return api.kills;
}

test("F1, F2: killed before or after any statement, commit, store or engine call, every job is done once", async () => {
  const recordTo = join(tmpdir(), `avatar-crash-points-${randomUUID()}`);
  onTestFinished(() => rm(recordTo, { force: true }));
  expect(await generateOnce({ recordTo })).toBe(0);
  const points = (await readFile(recordTo, "utf8")).trim().split("\n");
  const random = seededRandom(SEED);
  const sample = points
    .map((point) => ({ point, order: random() }))
    .toSorted((a, b) => a.order - b.order)
    .slice(0, SAMPLE);
  let killed = 0;
  for (const { point: crashAt } of sample) {
    await database.remove();
    database = await createTestDatabase();
    const kills = await generateOnce({ crashAt }).catch((error) => {
      throw new Error(`killed at "${crashAt}" (seed ${SEED})`, { cause: error });
    });
    killed += Math.min(kills, 1);
  }
  console.log(`${killed} of ${sample.length} kills, of ${points.length} crash points, seed ${SEED}`);
  // A point that waits for a coincidence may not come up twice.
  expect(killed).toBeGreaterThanOrEqual(sample.length / 2);
}, 3_600_000);
