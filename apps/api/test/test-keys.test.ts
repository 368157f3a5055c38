import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { JOB_ERROR_CODES } from "@avatar/contract/job-errors";
import { LIMITS } from "@avatar/contract/limits";
import { eq } from "drizzle-orm";
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { runs, usageDays } from "../src/db/schema/schema.ts";
import { startChildApi } from "./support/child-api.ts";
import { throughBothDoors } from "./support/doors.ts";
import { PORTRAIT } from "./support/fixtures.ts";
import { type KeyInUse, makeChild, makeKey, uploadInputs } from "./support/keys.ts";
import { jobRow, outcomesOf, runsOf, untilStatus } from "./support/queue.ts";
import { uploadFile } from "./support/rest.ts";
import { inputOf, startRunPodApi, workersThat } from "./support/runpod.ts";
import { createScriptedEngine, type ScriptedEngine } from "./support/scripted-engine.ts";
import { shortSpeech } from "./support/short-speech.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { createTestDatabase } from "./support/test-database.ts";
import { until } from "./support/until.ts";

const QUEUE_TIMEOUT_MS = 1_800_000;

let api: TestApi;
let live: KeyInUse;
let key: KeyInUse;
beforeAll(async () => {
  api = await startTestApi({ config: { queueTimeoutMs: QUEUE_TIMEOUT_MS } });
  live = await makeKey(api);
  key = await makeKey(api, { owner: live.owner, mode: "test" });
});
afterAll(() => api.stop());
beforeEach(() => {
  api.engine.scripts = [];
});

async function generate(test?: object, { rest }: Pick<KeyInUse, "rest"> = key): Promise<string> {
  const { status, body } = await rest("POST", "/v1/jobs", {
    ...(await uploadInputs({ rest })),
    ...(test && { test }),
  });
  expect([status, body.code]).toEqual([202, undefined]);
  return body.id;
}

const get = async (id: string, { rest }: Pick<KeyInUse, "rest"> = key) =>
  (await rest("GET", `/v1/jobs/${id}`)).body;

describe("a job of a test key", () => {
  test("succeeds, where nothing else is asked for, and costs nothing", async () => {
    const id = await generate();
    await untilStatus(api.db, id, "succeeded");
    expect(await get(id)).toMatchObject({ status: "succeeded", cost: { gpuSeconds: 0, usd: 0 } });
    const days = await api.db.select().from(usageDays).where(eq(usageDays.keyId, key.id));
    expect(days).toMatchObject([{ mode: "test", jobs: 1, succeeded: 1, gpuSeconds: 0, costUsd: 0 }]);
  });

  test.each(JOB_ERROR_CODES)("fails with %s, where that is asked for, after one run", async (code) => {
    const id = await generate({ failWith: code });
    await untilStatus(api.db, id, "failed");
    const { error, cost } = await get(id);
    expect([error.code, cost]).toEqual([code, { gpuSeconds: 0, usd: 0 }]);
    expect(error.detail).toMatch(/, as the request asked\.$/);
    const result = await key.rest("GET", `/v1/jobs/${id}/result`);
    expect([result.body.code, result.body.detail]).toEqual([code, error.detail]);
    expect(await api.db.$count(runs, eq(runs.jobId, id))).toBe(1);
  });

  test("waits in the queue, where that is asked for, and holds nobody up", async () => {
    const { max } = LIMITS.testSeconds;
    const id = await generate({ queueSeconds: max });
    await untilStatus(api.db, await generate(), "succeeded");
    expect((await get(id)).status).toBe("queued");
    api.advance((max / 2) * 1000);
    await untilStatus(api.db, await generate(), "succeeded");
    expect((await get(id)).status).toBe("queued");
    api.advance((max / 2) * 1000);
    await untilStatus(api.db, id, "succeeded");
  });

  test("waits as long as is asked for, and then has all the time that others have", async () => {
    const { createdAt, runAfter, deadlineAt } = await jobRow(api.db, await generate({ queueSeconds: 600 }));
    expect(Number(runAfter) - Number(createdAt)).toBe(600_000);
    expect(Number(deadlineAt) - Number(runAfter)).toBe(QUEUE_TIMEOUT_MS);
  });

  test("renders for as long as is asked for, with progress", async () => {
    const id = await generate({ renderSeconds: 0.5 });
    const { startedAt, finishedAt } = await untilStatus(api.db, id, "succeeded");
    expect(Number(finishedAt) - Number(startedAt)).toBeGreaterThanOrEqual(480);
  });

  test("that renders slowly shows its progress, holds nobody up, and can be canceled", async () => {
    const slow = await generate({ renderSeconds: LIMITS.testSeconds.max });
    await untilStatus(api.db, slow, "running");
    const quick = await generate({ failWith: "no_face" });
    await untilStatus(api.db, quick, "failed");
    const ofLive = await generate(undefined, live);
    await untilStatus(api.db, ofLive, "succeeded");
    expect(await get(slow)).toMatchObject({ status: "running", progress: expect.any(Number) });
    expect((await key.rest("POST", `/v1/jobs/${slow}/cancel`)).body.status).toBe("canceled");
    await until("its run is stopped", async () => (await outcomesOf(api.db, slow))[0] === "abandoned");
    expect(api.engine.started.map(({ jobId }) => jobId)).not.toContain(slow);
  });

  test("of a child key is scripted likewise", async () => {
    const child = await makeChild(api, key);
    const id = await generate({ failWith: "no_face" }, child);
    await untilStatus(api.db, id, "failed");
    expect((await get(id, child)).error.code).toBe("no_face");
  });

  test.each([
    { failWith: "unauthorized" },
    { failWith: "nope" },
    { renderSeconds: LIMITS.testSeconds.max + 1 },
    { queueSeconds: -1 },
    { queueSeconds: "1" },
    { nope: 1 },
    [],
    "no_face",
  ])("cannot be told %j", async (test) => {
    const { body } = await key.rest("POST", "/v1/jobs", { ...(await uploadInputs(key)), test });
    expect(["invalid_input", "unknown_field"]).toContain(body.code);
  });
});

describe("in a form", () => {
  const send = async (text: string, { rest }: KeyInUse) => {
    const form = new FormData();
    form.set("image", new File([new Uint8Array(PORTRAIT)], "me.png", { type: "image/png" }));
    form.set("audio", new File([new Uint8Array(shortSpeech(0.6))], "me.wav", { type: "audio/wav" }));
    form.set("test", text);
    return rest("POST", "/v1/jobs", form);
  };

  test("the outcome is JSON in a text field", async () => {
    const { status, body } = await send('{"failWith":"several_faces"}', key);
    expect(status).toBe(202);
    await untilStatus(api.db, body.id, "failed");
    expect((await get(body.id)).error.code).toBe("several_faces");
  });

  test.each(["{", "no_face", '{"failWith":"nope"}'])("%s is no outcome", async (text) => {
    expect((await send(text, key)).body.code).toBe("invalid_input");
  });

  test("it needs a test key, and leaves no files behind without one", async () => {
    const before = await api.database.objects("uploads/");
    expect((await send("{}", live)).body.code).toBe("test_key_required");
    expect(await api.database.objects("uploads/")).toEqual(before);
  });
});

test.each([{}, { failWith: "no_face" }, { queueSeconds: 1 }])(
  "a live key cannot ask for %j",
  async (test) => {
    const headers = { authorization: `Bearer ${live.key}` };
    const input = { ...(await uploadInputs(live)), test };
    const { status, body } = await throughBothDoors(api, "jobs.create", { input, headers });
    expect([status, body.code]).toEqual([403, "test_key_required"]);
  },
);

describe("jobs of test keys and of live keys of one owner", () => {
  test.each(["jobs.get", "jobs.result", "jobs.cancel", "jobs.delete"])(
    "do not see each other in %s",
    async (name) => {
      for (const [own, other] of [
        [live, key],
        [key, live],
      ] as const) {
        const id = await generate(undefined, own);
        await untilStatus(api.db, id, "succeeded");
        const headers = { authorization: `Bearer ${other.key}` };
        const { status, body } = await throughBothDoors(api, name, { input: { id }, headers });
        expect([status, body.code]).toEqual([404, "job_not_found"]);
        expect((await jobRow(api.db, id)).status).toBe("succeeded");
      }
    },
  );

  test("are not in each other's lists", async () => {
    const ids = { live: await generate(undefined, live), test: await generate() };
    const listed = async ({ rest }: KeyInUse) =>
      (await rest("GET", "/v1/jobs?limit=100")).body.items.map((job: { id: string }) => job.id);
    expect(await listed(live)).toContain(ids.live);
    expect(await listed(live)).not.toContain(ids.test);
    expect(await listed(key)).toContain(ids.test);
    expect(await listed(key)).not.toContain(ids.live);
  });

  test("have idempotency keys of their own", async () => {
    const input = await uploadInputs(live);
    const ids = [];
    for (const { rest } of [live, key, live, key])
      ids.push((await rest("POST", "/v1/jobs", input, { "idempotency-key": "order-7" })).body.id);
    expect(new Set(ids).size).toBe(2);
    expect([ids[2], ids[3]]).toEqual([ids[0], ids[1]]);
  });

  test("are counted apart", async () => {
    const own = await startTestApi();
    onTestFinished(() => own.stop());
    const testKey = await makeKey(own, { mode: "test" });
    await untilStatus(own.db, await generate({ failWith: "no_face" }, testKey), "failed");
    await untilStatus(own.db, await generate(undefined, testKey), "succeeded");
    const ended = () => own.metrics("avatar_runs_total", "avatar_jobs_failed_total");
    await until("both are counted", async () => (await ended()).length === 3);
    expect((await ended()).toSorted()).toEqual([
      'avatar_jobs_failed_total{mode="test",code="no_face"} 1',
      'avatar_runs_total{engine="scripted",mode="test",outcome="failed",code="no_face"} 1',
      'avatar_runs_total{engine="scripted",mode="test",outcome="succeeded",code=""} 1',
    ]);
    expect(own.logs.filter((line) => JSON.parse(line).level >= 50)).toEqual([]);
  });
});

test("jobs of test keys never reach RunPod, and those of live keys nothing else", async () => {
  let local: ScriptedEngine | undefined;
  const { api, runpod } = await startRunPodApi({
    runpod: workersThat(async () => ({ error: JSON.stringify({ code: "no_face", detail: "No face." }) })),
    api: {
      createEngine(store) {
        local = createScriptedEngine(store);
        return local;
      },
    },
  });
  const live = await makeKey(api);
  const key = await makeKey(api, { owner: live.owner, mode: "test" });
  const ofTest = await generate(undefined, key);
  const ofLive = await generate(undefined, live);
  await untilStatus(api.db, ofTest, "succeeded");
  await untilStatus(api.db, ofLive, "failed");
  expect(local?.started.map(({ jobId }) => jobId)).toEqual([ofTest]);
  const submitted = [...runpod.platform.jobs.values()].map((job) => inputOf(job).runId);
  const ofLiveJob = (await runsOf(api.db, ofLive)).map(({ id }) => id);
  expect(ofLiveJob.length).toBeGreaterThan(0);
  expect(submitted).toEqual(ofLiveJob);
  const { estimatedCostUsd, costUsd, billedSeconds } = await jobRow(api.db, ofTest);
  expect([estimatedCostUsd, costUsd, billedSeconds]).toEqual([0, 0, 0]);
  expect((await jobRow(api.db, ofLive)).estimatedCostUsd).toBeGreaterThan(0);
});

test("a test key makes a video on the product as it is delivered, for free", async () => {
  const database = await createTestDatabase();
  onTestFinished(() => database.remove());
  const product = await startChildApi({ database });
  const { rest } = await makeKey(product, { mode: "test" });
  const input = {
    image: await uploadFile(rest, "image/png", PORTRAIT),
    audio: await uploadFile(rest, "audio/wav", shortSpeech(0.6)),
  };
  const { body } = await rest("POST", "/v1/jobs", input);
  const done = await until("it is over", async () => {
    const job = (await rest("GET", `/v1/jobs/${body.id}?wait=30&after=9999`)).body;
    return ["succeeded", "failed"].includes(job.status) && job;
  });
  expect(done).toMatchObject({ status: "succeeded", cost: { gpuSeconds: 0, usd: 0 } });
  const { url } = (await rest("GET", `/v1/jobs/${body.id}/result`)).body;
  const path = join(database.dataDir, "video.mp4");
  await writeFile(path, new Uint8Array(await (await fetch(url)).arrayBuffer()));
  const show = ["-v", "error", "-show_entries", "stream=codec_name:format_tags=comment", "-of", "csv=p=0"];
  const { stdout } = await promisify(execFile)("ffprobe", [...show, path]);
  expect(stdout).toMatch(/h264/);
  expect(stdout).toMatch(/aac/);
}, 60_000);
