import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import type { Engine } from "../../../src/engine/engine.ts";
import { createPreviewEngine } from "../../../src/engine/preview-engine.ts";
import type { ObjectStore } from "../../../src/storage/object-store.ts";
import { sample } from "../../media/media-files.ts";
import { throughBothDoors } from "../doors.ts";
import { SPEECH } from "../fixtures.ts";
import { loseRun, outcomesOf, untilEnded, untilStatus } from "../queue.ts";
import { aJobInput } from "../refusals.ts";
import type { RestAnswer } from "../rest.ts";
import { startTestApi, type TestApi, type TestApiOptions } from "../test-api.ts";
import { until } from "../until.ts";
import type { Producer, Producers } from "./world.ts";

const HOUR_MS = 3_600_000;
const never = new Promise<void>(() => {});

/** Each has an API of its own, as these move the clock and keep the engine busy. */
async function startApi(options: TestApiOptions = {}): Promise<TestApi> {
  const api = await startTestApi(options);
  onTestFinished(() => api.stop());
  return api;
}

async function aJob(api: TestApi, input?: object): Promise<string> {
  const { body } = await api.rest("POST", "/v1/jobs", input ?? (await aJobInput(api)));
  return body.id;
}

/** What the result of a job that fails is answered with. */
export async function failure(api: TestApi, id: string): Promise<RestAnswer> {
  await untilEnded(api, id, "failed");
  return throughBothDoors(api, "jobs.result", { input: { id } });
}

/** Takes every run, and never begins to render it. */
const sleeper: Engine = {
  name: "sleeper",
  isRemote: false,
  stop: async () => {},
  render: (_run, { signal }) =>
    new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
};

async function preview(store: ObjectStore): Promise<Engine> {
  const tempDirectory = await mkdtemp(join(tmpdir(), "avatar-preview-"));
  onTestFinished(() => rm(tempDirectory, { recursive: true, force: true }));
  const log = pino({ level: "silent" });
  return createPreviewEngine({ store, tempDirectory, encoder: "auto", ffmpegPath: undefined, log });
}

const previewOf =
  (image: string): Producer =>
  async () => {
    const api = await startApi({ createEngine: preview });
    const files = {
      image: await api.upload("image/jpeg", sample(image)),
      audio: await api.upload("audio/wav", SPEECH),
    };
    return failure(api, await aJob(api, files));
  };

/** What a job ends with: by the dispatcher and real engines, but for the one that crashes and the one that sleeps. */
export const BY_RUNS: Producers = {
  no_face: previewOf("portrait.jpg"),
  several_faces: previewOf("two-faces.jpg"),
  face_too_small: previewOf("small-face.jpg"),
  async video_expired() {
    const api = await startApi();
    const id = await aJob(api);
    await untilStatus(api.db, id, "succeeded");
    api.advance(7 * HOUR_MS);
    return throughBothDoors(api, "jobs.result", { input: { id } });
  },
  async render_failed() {
    const api = await startApi();
    api.engine.scripts = Array(3).fill({ crash: "CUDA error in /srv/models/wan.safetensors" });
    return failure(api, await aJob(api));
  },
  async run_lost() {
    const api = await startApi({ dispatcher: { leaseMs: 60_000, maxLostRuns: 2 } });
    api.engine.scripts = [{ hold: never }, { hold: never }];
    const id = await aJob(api);
    for (const round of [1, 2]) {
      await until(`run ${round} is at work`, async () => (await outcomesOf(api.db, id)).length === round);
      await loseRun(api.db, id);
    }
    return failure(api, id);
  },
  async queue_timeout() {
    const api = await startApi({ dispatcher: { maxRunsInFlight: 0 } });
    const id = await aJob(api);
    api.advance(2 * HOUR_MS);
    return failure(api, id);
  },
  async start_timeout() {
    const api = await startApi({ createEngine: () => sleeper });
    const id = await aJob(api);
    await untilStatus(api.db, id, "starting");
    api.advance(HOUR_MS);
    return failure(api, id);
  },
  async run_timeout() {
    const api = await startApi();
    api.engine.scripts = [{ hold: never }];
    const id = await aJob(api);
    await untilStatus(api.db, id, "running");
    api.advance(HOUR_MS);
    return failure(api, id);
  },
};
