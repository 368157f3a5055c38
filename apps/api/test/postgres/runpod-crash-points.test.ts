import { randomUUID } from "node:crypto";
import { readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hasPythonWorker, type Job, startFakeRunPod, startPythonWorker } from "@avatar/fake-runpod";
import { expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../../src/db/client.ts";
import type { ChildOptions } from "../support/child-main.ts";
import { PORTRAIT } from "../support/fixtures.ts";
import { expectNoLeftovers } from "../support/leftovers.ts";
import { jobRow, runsOf } from "../support/queue.ts";
import { uploadFile } from "../support/rest.ts";
import { createRestartingApi } from "../support/restarting-api.ts";
import { isProof, SEED, seededRandom } from "../support/seeded-random.ts";
import { shortSpeech } from "../support/short-speech.ts";
import { createTestDatabase } from "../support/test-database.ts";

const SAMPLE = isProof ? Number.POSITIVE_INFINITY : 2;
const AGAIN: ChildOptions = { engine: "runpod" };

interface Outcome {
  kills: number;
  /** That workers worked, and of these the part whose video nobody got. */
  workedMs: number;
  wastedMs: number;
}

/** A job through RunPod and a real worker, whatever becomes of the API meanwhile. */
async function generateOnce(child: ChildOptions, loseAnswer = false): Promise<Outcome> {
  const database = await createTestDatabase();
  const runpod = await startFakeRunPod({
    startWorker: (env) => {
      const hosts = [api.host, new URL(database.r2?.endpoint ?? "http://none").host];
      return startPythonWorker({ ...env, ALLOWED_HOSTS: hosts.join(",") }, { step_seconds: 0.1 }, () => {});
    },
    idleTimeoutMs: 1000,
    webhookRetryMs: 100,
  });
  // So that what is done about a run that nobody knows of is on the way, too.
  let isLost = loseAnswer;
  runpod.faults = (operation) => {
    if (operation !== "run" || !isLost) return undefined;
    isLost = false;
    return "reset";
  };
  const { apiKey, endpointId, baseUrl } = runpod;
  const env = {
    ENGINE: "runpod",
    RUNPOD_API_KEY: apiKey,
    RUNPOD_ENDPOINT_ID: endpointId,
    RUNPOD_BASE_URL: baseUrl,
    KEEP_ALIVE_HOURS: "0",
  };
  const api = await createRestartingApi({ database, child: AGAIN, env });
  try {
    await api.start({ ...child, ...AGAIN });
    const inputs = await api.surely(async (rest) => ({
      image: await uploadFile(rest, "image/png", PORTRAIT),
      audio: await uploadFile(rest, "audio/wav", shortSpeech(0.6)),
    }));
    const key = { "idempotency-key": randomUUID() };
    const { body: job } = await api.surely((rest) => rest("POST", "/v1/jobs", inputs, key));
    const status = await api.surely(async (rest) => {
      const { body } = await rest("GET", `/v1/jobs/${job.id}?wait=30&after=999`);
      return body.status;
    });
    await api.stop();
    expect(status).toBe("succeeded");

    const { db, close } = await openDatabase(database.config);
    try {
      const runs = await runsOf(db, job.id);
      expect(runs.filter(({ outcome }) => outcome === "succeeded")).toHaveLength(1);
      // The claim of a run outlives its links.
      await expectNoLeftovers(db, database, 3 * 3_600_000);
      const completed = [...runpod.platform.jobs.values()].filter((each) => each.status === "COMPLETED");
      expect(completed).toHaveLength(1);
      expect((await jobRow(db, job.id)).billedSeconds).toBeGreaterThan(0);
      const all = [...runpod.platform.jobs.values()];
      return { kills: api.kills, workedMs: worked(all), wastedMs: worked(all) - worked(completed) };
    } finally {
      await close();
    }
  } finally {
    await runpod.stop();
    await database.remove();
  }
}

const worked = (jobs: Job[]) =>
  jobs.reduce(
    (sum, { startedAtMs, endedAtMs }) => sum + ((endedAtMs ?? 0) - (startedAtMs ?? endedAtMs ?? 0)),
    0,
  );

test.runIf(hasPythonWorker())(
  "F1, F2, F3: killed at any call on the way to RunPod and back, every job is rendered once",
  async () => {
    const random = seededRandom(SEED);
    const sample: { crashAt: string; loseAnswer: boolean; order: number }[] = [];
    for (const loseAnswer of [false, true]) {
      const recordTo = join(tmpdir(), `avatar-crash-points-${randomUUID()}`);
      onTestFinished(() => rm(recordTo, { force: true }));
      expect((await generateOnce({ recordTo }, loseAnswer)).kills).toBe(0);
      const points = (await readFile(recordTo, "utf8")).trim().split("\n");
      expect(points).toContain("after fetch run");
      // Those before a run is claimed are in crash-points.test.ts.
      const claimed = points.slice(points.findIndex((point) => point.includes('insert into "runs"')));
      const chosen = claimed.map((crashAt) => ({ crashAt, loseAnswer, order: random() }));
      sample.push(...chosen.toSorted((a, b) => a.order - b.order).slice(0, SAMPLE));
    }
    let [killed, workedMs, wastedMs] = [0, 0, 0];
    for (const { crashAt, loseAnswer } of sample) {
      const outcome = await generateOnce({ crashAt }, loseAnswer).catch((error) => {
        const where = `"${crashAt}"${loseAnswer ? ", its answer lost" : ""}`;
        throw new Error(`killed at ${where} (seed ${SEED})`, { cause: error });
      });
      killed += Math.min(outcome.kills, 1);
      workedMs += outcome.workedMs;
      wastedMs += outcome.wastedMs;
    }
    const wasted = `${Math.round(wastedMs)} of ${Math.round(workedMs)} ms of work wasted`;
    console.log(`${killed} kills at ${sample.length} crash points, ${wasted}, seed ${SEED}`);
    expect(killed).toBeGreaterThanOrEqual(sample.length / 2);
  },
  7_200_000,
);
