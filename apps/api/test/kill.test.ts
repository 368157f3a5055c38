import { setTimeout as delay } from "node:timers/promises";
import { eq } from "drizzle-orm";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../src/db/client.ts";
import { jobs, runs, uploads } from "../src/db/schema/schema.ts";
import { ChildExited, startChildApi } from "./support/child-api.ts";
import { PORTRAIT, uploadFixtures } from "./support/fixtures.ts";
import { expectNoLeftovers } from "./support/leftovers.ts";
import { type Rest, uploadFile } from "./support/rest.ts";
import { createRestartingApi } from "./support/restarting-api.ts";
import { isProof, SEED, seededRandom } from "./support/seeded-random.ts";
import { shortSpeech } from "./support/short-speech.ts";
import { createTestDatabase, databaseKind, type TestDatabase } from "./support/test-database.ts";

const LONG = 3_600_000;
const isEmbedded = databaseKind === "pglite";

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
  onTestFinished(() => database.remove());
});

/** Asks for more and more until there is no answer. @returns the ids that were answered with. */
async function untilKilled(rest: Rest, ask: (rest: Rest) => Promise<string>): Promise<string[]> {
  const acknowledged: string[] = [];
  for (;;) {
    try {
      acknowledged.push(await ask(rest));
    } catch (error) {
      if (error instanceof TypeError) return acknowledged; // fetch fails with a TypeError.
      throw error;
    }
  }
}

test(
  "F1, F2: of jobs that the preview engine renders while the API is killed at random, each succeeds once",
  async () => {
    const rounds = isProof ? 30 : 2;
    const random = seededRandom(SEED);
    // On Postgres a second replica lives on, and takes over.
    if (!isEmbedded) await startChildApi({ database });
    const api = await createRestartingApi({ database });
    const inputs = await api.surely(async (rest) => ({
      image: await uploadFile(rest, "image/png", PORTRAIT),
      audio: await uploadFile(rest, "audio/wav", shortSpeech(0.6)),
    }));
    const acknowledged: string[] = [];
    for (let round = 0; round < rounds; round++) {
      // Two for each round, so that the queue grows slower than this machine renders.
      const started = await api.surely(async (rest) => {
        const answers = [await rest("POST", "/v1/jobs", inputs), await rest("POST", "/v1/jobs", inputs)];
        expect(answers.map((answer) => answer.status)).toEqual([202, 202]);
        return answers.map((answer) => answer.body.id as string);
      });
      acknowledged.push(...started);
      await delay(random() * 3000); // The kill falls into any part of a render.
      await api.kill();
    }
    const ended = [];
    for (const id of acknowledged) {
      ended.push(
        await api.surely(async (rest) => {
          for (;;) {
            const { body } = await rest("GET", `/v1/jobs/${id}?wait=30&after=9999`);
            if (!["queued", "starting", "running"].includes(body.status)) return body.status;
          }
        }),
      );
    }
    await api.stop();

    console.log(`${acknowledged.length} jobs, ${rounds} kills, seed ${SEED}`);
    expect(ended).toEqual(acknowledged.map(() => "succeeded"));
    const { db, close } = await openDatabase(database.config);
    try {
      const succeeded = await db
        .select({ jobId: runs.jobId })
        .from(runs)
        .where(eq(runs.outcome, "succeeded"));
      expect(succeeded.map((run) => run.jobId).sort()).toEqual(acknowledged.toSorted());
      await expectNoLeftovers(db, database);
    } finally {
      await close();
    }
  },
  LONG,
);

test(
  "F12: acknowledged writes survive kill -9",
  async () => {
    const kills = isProof ? 50 : 3;
    const random = seededRandom(SEED);
    const api = await createRestartingApi({ database, child: { engine: "hold" } });
    const inputs = await api.surely(uploadFixtures);
    const uploadIds: string[] = [];
    const jobIds: string[] = [];
    for (let round = 0; round < kills; round++) {
      const killing = api.surely(async (rest) => {
        const asking = Promise.all([
          untilKilled(rest, async () => (await rest("POST", "/v1/jobs", inputs)).body.id),
          untilKilled(rest, async () => {
            const input = { contentType: "image/png", bytes: 1000 };
            return (await rest("POST", "/v1/uploads", input)).body.id;
          }),
        ]);
        await delay(random() * 1000); // The kill falls into any part of a write.
        await api.kill();
        return asking;
      });
      const [newJobs, newUploads] = await killing;
      jobIds.push(...newJobs);
      uploadIds.push(...newUploads);
    }

    const { db, close } = await openDatabase(database.config);
    try {
      const jobRows = new Set((await db.select({ id: jobs.id }).from(jobs)).map((row) => row.id));
      const uploadRows = new Set((await db.select({ id: uploads.id }).from(uploads)).map((row) => row.id));
      console.log(`${jobIds.length} jobs and ${uploadIds.length} uploads, ${kills} kills, seed ${SEED}`);
      expect(jobIds.filter((id) => !jobRows.has(id))).toEqual([]);
      expect(uploadIds.filter((id) => !uploadRows.has(id))).toEqual([]);
      expect(Math.min(jobIds.length, uploadIds.length)).toBeGreaterThan(0);
    } finally {
      await close();
    }
  },
  LONG,
);

test.runIf(isEmbedded)(
  "F12: a second process on the data directory is refused and harms nothing",
  async () => {
    const first = await startChildApi({ database, child: { engine: "hold" } });
    const inputs = await uploadFixtures(first.rest);
    const job = await first.rest("POST", "/v1/jobs", inputs);

    const refused = await startChildApi({ database }).catch((error: unknown) => error);

    expect(refused).toBeInstanceOf(ChildExited);
    const { exit, output } = refused as ChildExited;
    expect(exit.code).toBe(2);
    expect(output).toBe(
      `Another process uses the data directory ${database.dataDir}. Stop it, choose another DATA_DIR, ` +
        "or set DATABASE_URL: with Postgres, several processes may run.\n",
    );
    expect((await first.rest("GET", `/v1/jobs/${job.body.id}`)).status).toBe(200);
    expect((await first.rest("POST", "/v1/jobs", inputs)).status).toBe(202);
  },
);
