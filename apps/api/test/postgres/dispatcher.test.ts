import { afterEach, beforeEach, expect, test } from "vitest";
import { runs } from "../../src/db/schema/schema.ts";
import { aVideo } from "../media/a-video.ts";
import { expectNoLeftovers } from "../support/leftovers.ts";
import { jobRow, loseRun, outcomesOf, queueJob, runsOf, untilStatus } from "../support/queue.ts";
import { isProof } from "../support/seeded-random.ts";
import { startTestApi, type TestApi, type TestApiOptions } from "../support/test-api.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { until } from "../support/until.ts";

let database: TestDatabase;
let replicas: TestApi[];
beforeEach(async () => {
  database = await createTestDatabase("postgres");
  replicas = [];
});
afterEach(async () => {
  await Promise.all(replicas.map((replica) => replica.stop()));
  await database.remove();
});

/** One more replica on the database of this test. Leases are long, so that none runs out by itself. */
async function startReplica(options: TestApiOptions = {}): Promise<TestApi> {
  const replica = await startTestApi({
    database,
    ...options,
    dispatcher: { leaseMs: 60_000, ...options.dispatcher },
  });
  replicas.push(replica);
  return replica;
}

const never = new Promise<void>(() => {});

test("F1: four replicas render each queued job once", async () => {
  const options = { config: { maxRunsInFlight: 8 } };
  const first = await startReplica(options);
  await startReplica(options);
  await startReplica(options);
  await startReplica(options);
  const queued = await Promise.all(Array.from({ length: isProof ? 300 : 40 }, () => queueJob(first)));

  const ended = await until("all runs have ended", async () => {
    const rows = await first.db.select().from(runs);
    return rows.filter((run) => run.outcome).length >= queued.length && rows;
  });

  expect(ended.map((run) => run.outcome)).toEqual(queued.map(() => "succeeded"));
  const started = replicas.flatMap((replica) => replica.engine.started.map((run) => run.jobId));
  expect(started.sort()).toEqual(queued.map((job) => job.id).sort());
});

test("a run that is claimed while leases are renewed goes on", async () => {
  const replica = await startReplica({ config: { maxRunsInFlight: 50 }, dispatcher: { leaseMs: 4000 } });
  // Every change of a running job makes the dispatcher renew all leases at once.
  replica.engine.scripts = Array.from({ length: 40 }, () => ({ hold: never }));
  const queued = [];
  for (let i = 0; i < 40; i++) queued.push(await queueJob(replica));

  await until("all jobs run", () => replica.engine.started.length === queued.length);
  for (const job of queued) await untilStatus(replica.db, job.id, "running");
  expect(replica.engine.stopped).toEqual([]);
});

test("F2: a run whose lease was taken over neither changes its job nor leaves a video", async () => {
  const gate = Promise.withResolvers<void>();
  const slow = await startReplica({
    config: { maxRunsInFlight: 1 },
    // An engine that does not notice that it was stopped, as a paused process would not.
    createEngine: (store) => ({
      name: "deaf",
      isRemote: false,
      stop: async () => {},
      async render(run) {
        await gate.promise;
        const body = (async function* () {
          yield aVideo({ seconds: run.audioSeconds, note: "too late" });
        })();
        await store.put(run.videoKey, body, { contentType: "video/mp4" });
      },
    }),
  });
  const job = await queueJob(slow);
  await untilStatus(slow.db, job.id, "starting");
  const other = await startReplica();
  await loseRun(slow.db, job.id);
  const finished = await untilStatus(slow.db, job.id, "succeeded");

  gate.resolve();
  await until("the slow run has ended", () => slow.logs.some((line) => line.includes('"won":false')));
  const counted = [
    ...(await slow.metrics("avatar_runs_total")),
    ...(await other.metrics("avatar_runs_total")),
  ].join();
  expect(counted).toContain('outcome="lost"');
  expect(counted, "each run is counted once").not.toContain('outcome="abandoned"');
  await slow.stop();

  expect(await jobRow(other.db, job.id)).toEqual(finished);
  expect(await outcomesOf(other.db, job.id)).toEqual(["lost", "succeeded"]);
  await expectNoLeftovers(other.db, database);
  replicas = [other];
});

test("a job canceled through one replica is stopped on the other", async () => {
  const rendering = await startReplica();
  rendering.engine.scripts = [{ hold: never }];
  const job = await queueJob(rendering);
  await untilStatus(rendering.db, job.id, "running");
  const other = await startReplica();

  const canceled = await other.rest("POST", `/v1/jobs/${job.id}/cancel`);

  expect(canceled.body.status).toBe("canceled");
  const [run] = await runsOf(other.db, job.id);
  await until("the run is stopped", () => rendering.engine.stopped.includes(run?.id ?? ""));
  await until("the run has ended", async () => (await outcomesOf(other.db, job.id))[0] === "abandoned");
  expect(other.engine.started).toEqual([]);
});

test("F10: a stopped replica gives its runs back, and another finishes them", async () => {
  const stopped = await startReplica();
  stopped.engine.scripts = [{ hold: never }, { hold: never }];
  const queued = [await queueJob(stopped), await queueJob(stopped)];
  for (const job of queued) await untilStatus(stopped.db, job.id, "running");
  const other = await startReplica();

  await stopped.stop();
  replicas = [other];

  for (const job of queued) {
    await untilStatus(other.db, job.id, "succeeded");
    expect(await outcomesOf(other.db, job.id)).toEqual(["released", "succeeded"]);
  }
});
