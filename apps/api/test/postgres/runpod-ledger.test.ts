import { hasPythonWorker, type Job } from "@avatar/fake-runpod";
import { eq } from "drizzle-orm";
import { expect, test } from "vitest";
import { jobs } from "../../src/db/schema/schema.ts";
import { PORTRAIT } from "../support/fixtures.ts";
import { createRest, uploadFile } from "../support/rest.ts";
import { insertKey } from "../support/rows.ts";
import { startRunPodApi } from "../support/runpod.ts";
import { shortSpeech } from "../support/short-speech.ts";
import { until } from "../support/until.ts";

const LONG = 300_000;
const IDLE_MS = 2000;

const whole = ({ startedAtMs = 0, endedAtMs = 0 }: Job) => endedAtMs - startedAtMs;

test.runIf(hasPythonWorker())(
  "F13, P10: fifty generates of three keys over two workers all succeed, each billed once, and the workers go away",
  async () => {
    const { runpod, api } = await startRunPodApi({
      stub: { step_seconds: 0.2 },
      runpod: { workersMax: 2, idleTimeoutMs: IDLE_MS, queueDelayMs: 0 },
      api: { config: { maxRunsInFlight: 4 } },
    });
    const rests = await Promise.all(
      ["a", "b", "c"].map(async (owner) => createRest(api.url, await insertKey(api, owner))),
    );
    const audio = shortSpeech(0.6);
    const create = async (index: number) => {
      const rest = rests[index % rests.length] ?? api.rest;
      const input = {
        image: await uploadFile(rest, "image/png", PORTRAIT),
        audio: await uploadFile(rest, "audio/wav", audio),
      };
      // As a client does that lost the first answer.
      const key = { "idempotency-key": `generate ${index}` };
      const twice = [rest("POST", "/v1/jobs", input, key), rest("POST", "/v1/jobs", input, key)];
      const ids = (await Promise.all(twice)).map(({ body }) => body.id);
      expect(new Set(ids).size).toBe(1);
    };
    await Promise.all(Array.from({ length: 50 }, (_, index) => create(index)));
    const succeeded = () => api.db.select().from(jobs).where(eq(jobs.status, "succeeded"));
    await until("all have succeeded", async () => (await succeeded()).length === 50, LONG);
    await until("all workers are gone", () => !runpod.ledger.isRunning);

    const all = [...runpod.platform.jobs.values()];
    expect(all.map(({ status }) => status)).toEqual(Array(50).fill("COMPLETED"));
    // What none can save: from the wake to the first run, the renders, and the idle time at the end.
    const starts = runpod.ledger.bills.map(({ workerId, wokeAtMs }) => {
      const taken = all.filter((job) => job.workerId === workerId).map(({ startedAtMs = 0 }) => startedAtMs);
      return Math.min(...taken) - wokeAtMs;
    });
    const minimumMs =
      all.reduce((sum, job) => sum + whole(job), 0) +
      starts.reduce((sum, start) => sum + start + IDLE_MS, 0);
    const billedMs = runpod.ledger.bills.reduce(
      (sum, { wokeAtMs, stoppedAtMs = 0 }) => sum + stoppedAtMs - wokeAtMs,
      0,
    );
    console.log(
      `billed ${billedMs} ms in ${runpod.ledger.bills.length} wakes, at least ${minimumMs}: ${billedMs / minimumMs}`,
    );
    expect(runpod.ledger.bills).toHaveLength(2);
  },
  LONG,
);
