import { ERRORS } from "@avatar/contract/errors";
import { eq, isNull, sql } from "drizzle-orm";
import { expect, onTestFinished, test } from "vitest";
import { type Db, openDatabase } from "../../src/db/client.ts";
import { jobs, runs, usageDays } from "../../src/db/schema/schema.ts";
import { aPng, aWav } from "../media/media-files.ts";
import { startChildApi } from "../support/child-api.ts";
import { sweep } from "../support/leftovers.ts";
import { outcomesOf, untilStatus } from "../support/queue.ts";
import { createRest, type Rest, uploadFile } from "../support/rest.ts";
import { SCRIPTED_PRICE, type Script } from "../support/scripted-engine.ts";
import { TEST_KEY } from "../support/test-api.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { until } from "../support/until.ts";

const LONG = 300_000;
const DAY_MS = 86_400_000;

type Prompt = (Script | { bill: number; and: { hold: 1 } })[];

/** What becomes of a job's runs, and so of the job; `hold` until something else ends it. */
const FATES: Record<string, { prompt: Prompt; status: "succeeded" | "failed" | "canceled" }> = {
  good: { prompt: [{ bill: 11, and: "succeed" }], status: "succeeded" },
  free: { prompt: ["succeed"], status: "succeeded" },
  retried: {
    prompt: [
      { bill: 3, and: { fail: "render_failed" } },
      { bill: 7, and: "succeed" },
    ],
    status: "succeeded",
  },
  refused: { prompt: [{ bill: 5, and: { fail: "no_face" } }], status: "failed" },
  broken: { prompt: [{ bill: 2, and: { fail: "render_failed" } }], status: "failed" },
  canceled: { prompt: [{ bill: 13, and: { hold: 1 } }], status: "canceled" },
  overdue: { prompt: [{ bill: 17, and: { hold: 1 } }], status: "failed" },
};

test(
  "usage is what jobs and runs say, whatever becomes of them in two processes, and outlives them",
  async () => {
    const database = await createTestDatabase("postgres");
    onTestFinished(() => database.remove());
    const options = { database, child: { engine: "prompted" as const }, env: { MAX_RUNS_IN_FLIGHT: "50" } };
    const processes = [await startChildApi(options), await startChildApi(options)] as const;
    const opened = await openDatabase(database.config);
    onTestFinished(opened.close);
    const { db } = opened;

    const admin = processes[0].rest;
    const makeKey = async (more = {}) => {
      const { body } = await admin("POST", "/v1/keys", { owner: "owner_u", name: "one", ...more });
      return { id: body.id as string, rests: processes.map(({ url }) => createRest(url, body.key)) };
    };
    const [first, second, testing] = [await makeKey(), await makeKey(), await makeKey({ mode: "test" })];
    const child = await first.rests[0]?.("POST", "/v1/child-keys", {});
    const rest = (rests: Rest[], n: number): Rest => rests[n % 2] ?? admin;
    const inputs = {
      image: await uploadFile(rest(first.rests, 0), "image/png", aPng()),
      audio: await uploadFile(rest(first.rests, 0), "audio/wav", aWav()),
    };
    const create = async (by: Rest, fate: string) => {
      const prompt = JSON.stringify(FATES[fate]?.prompt);
      const { status, body } = await by("POST", "/v1/jobs", { ...inputs, prompt, metadata: { fate } });
      expect(status).toBe(202);
      return body.id as string;
    };

    const made = await Promise.all(
      Object.keys(FATES).flatMap((fate) =>
        [0, 1, 2, 3].map(async (n) => {
          const key = n === 3 ? second : first;
          const by = n === 2 ? createRest(processes[1].url, child?.body.key) : rest(key.rests, n);
          return { fate, key, n, id: await create(by, fate) };
        }),
      ),
    );
    for (const { fate, key, n, id } of made) {
      if (fate !== "canceled" && fate !== "overdue") continue;
      await untilStatus(db, id, "running");
      // By the process that did not take it, perhaps; twice, as clients do.
      const cancel = () => rest(key.rests, n + 1)("POST", `/v1/jobs/${id}/cancel`);
      if (fate === "canceled") await Promise.all([cancel(), cancel()]);
      else
        await db
          .update(jobs)
          .set({ deadlineAt: new Date(0) })
          .where(eq(jobs.id, id));
    }
    // Of a test key: one succeeds, one is canceled while it waits.
    const free = rest(testing.rests, 0);
    const waits = await free("POST", "/v1/jobs", { ...inputs, test: { queueSeconds: 600 } });
    await free("POST", `/v1/jobs/${waits.body.id}/cancel`);
    const done = await free("POST", "/v1/jobs", inputs);
    await untilStatus(db, done.body.id, "succeeded");

    for (const { id, fate } of made) await untilStatus(db, id, FATES[fate]?.status ?? "failed");
    await until("every run has ended", async () => (await db.$count(runs, isNull(runs.outcome))) === 0);
    expect(await outcomesOf(db, made.find(({ fate }) => fate === "broken")?.id ?? "")).toEqual(
      Array(3).fill("failed"),
    );

    const expected = await countJobs(db);
    expect(expected.find(({ keyId }) => keyId === first.id)).toMatchObject({
      ...{ jobs: 21, succeeded: 9, failed: 9, canceled: 3 },
      videoSeconds: 9,
    });
    expect(expected.find(({ keyId }) => keyId === testing.id)).toMatchObject({
      ...{ jobs: 2, succeeded: 1, failed: 0, canceled: 1 },
      gpuSeconds: 0,
    });
    expect(await countUsage(db)).toEqual(expected);

    const day = (days: number) => new Date(Date.now() + days * DAY_MS).toISOString().slice(0, 10);
    const path = `/v1/usage?from=${day(-1)}&to=${day(1)}`;
    const told = await Promise.all(
      processes.map(({ url }) => createRest(url, TEST_KEY)("GET", `${path}&owner=owner_u`)),
    );
    const live = expected.filter(({ keyId }) => keyId !== testing.id);
    const sum = (of: (row: Counted) => number) => live.reduce((total, row) => total + of(row), 0);
    for (const { body } of told) {
      expect(body.totals).toMatchObject({ jobs: 28, succeeded: 12, failed: 12, canceled: 4 });
      expect(body.totals.gpuSeconds).toBe(sum((row) => row.gpuSeconds));
      expect(body.totals.costUsd).toBeCloseTo(sum((row) => row.gpuSeconds) * SCRIPTED_PRICE, 6);
    }

    for (const days of [91, 92]) await sweep(db, database, new Date(Date.now() + days * DAY_MS));
    expect(await db.$count(jobs)).toBe(0);
    expect(await countUsage(db)).toEqual(expected);
    expect((await admin("GET", `${path}&owner=owner_u`)).body.totals).toEqual(told[0]?.body.totals);
  },
  LONG,
);

type Counted = Awaited<ReturnType<typeof countJobs>>[number];

const whole = (text: string | number | null) => Math.round(Number(text ?? 0) * 1e6) / 1e6;

/** By key, from the jobs and, of what was billed, from the runs: they must agree. */
async function countJobs(db: Db) {
  const ours = Object.entries(ERRORS).flatMap(([code, { status }]) => (status >= 500 ? [code] : []));
  const rows = await db
    .select({
      keyId: jobs.keyId,
      jobs: sql<number>`count(*)::int`,
      succeeded: sql<number>`(count(*) filter (where ${jobs.status} = 'succeeded'))::int`,
      failed: sql<number>`(count(*) filter (where ${jobs.status} = 'failed'))::int`,
      canceled: sql<number>`(count(*) filter (where ${jobs.status} = 'canceled'))::int`,
      videoSeconds: sql<number | null>`sum(${jobs.videoSeconds})`,
      gpuSeconds: sql<number>`sum(${jobs.billedSeconds})::int`,
      forgivenGpuSeconds: sql<number>`sum(${jobs.forgivenSeconds})::int`,
      costUsd: sql<number>`sum(${jobs.costUsd})`,
    })
    .from(jobs)
    .groupBy(jobs.keyId)
    .orderBy(jobs.keyId);
  const isOurs = sql`coalesce(${runs.code}, ${jobs.error}->>'code') in ${ours} or ${runs.outcome} in ('lost', 'released')`;
  const billed = await db
    .select({
      keyId: jobs.keyId,
      gpuSeconds: sql<number>`sum(${runs.billedSeconds})::int`,
      forgivenGpuSeconds: sql<number>`coalesce(sum(${runs.billedSeconds}) filter (where ${isOurs}), 0)::int`,
      forgivenUsd: sql<number>`coalesce(sum(${runs.costUsd}) filter (where ${isOurs}), 0)`,
    })
    .from(runs)
    .innerJoin(jobs, eq(jobs.id, runs.jobId))
    .groupBy(jobs.keyId);
  return rows.map((row) => {
    const ofRuns = billed.find(({ keyId }) => keyId === row.keyId);
    const { gpuSeconds, forgivenGpuSeconds } = row;
    expect(ofRuns).toMatchObject({ gpuSeconds, forgivenGpuSeconds });
    const { videoSeconds, costUsd } = row;
    return {
      ...row,
      videoSeconds: whole(videoSeconds),
      costUsd: whole(costUsd),
      forgivenUsd: whole(ofRuns?.forgivenUsd ?? 0),
    };
  });
}

async function countUsage(db: Db): Promise<Counted[]> {
  const total = (name: Exclude<keyof Counted, "keyId">) => sql<number>`sum(${usageDays[name]})`;
  const names = ["jobs", "succeeded", "failed", "canceled", "videoSeconds", "gpuSeconds"] as const;
  const all = [...names, "forgivenGpuSeconds", "costUsd", "forgivenUsd"] as const;
  const rows = await db
    .select({ keyId: usageDays.keyId, ...Object.fromEntries(all.map((name) => [name, total(name)])) })
    .from(usageDays)
    .groupBy(usageDays.keyId)
    .orderBy(usageDays.keyId);
  return rows.map(({ keyId, ...row }) => ({
    keyId,
    ...Object.fromEntries(Object.entries(row).map(([name, value]) => [name, whole(value as string)])),
  })) as Counted[];
}
