import { join } from "node:path";
import { PassThrough } from "node:stream";
import { pipeline } from "node:stream/promises";
import { deflateSync } from "node:zlib";
import { pino } from "pino";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type CheckInputs, createInputCheck } from "../src/engine/input-check.ts";
import type { ObjectStore } from "../src/storage/object-store.ts";
import { aPng, aWav } from "./media/media-files.ts";
import { throughBothDoors } from "./support/doors.ts";
import { PORTRAIT, SPEECH } from "./support/fixtures.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { filesIn } from "./support/test-database.ts";
import { until } from "./support/until.ts";

/** One that takes longer hangs. */
const PATIENT_MS = 120_000;
vi.setConfig({ testTimeout: PATIENT_MS });

const FOLDER = "preview";

let api: TestApi;
let check: ReturnType<typeof createInputCheck>;
/** Reads wait until this is done. */
let opened: Promise<void>;
let reads: string[];
let logs: string[];
let deps: Parameters<typeof createInputCheck>[0];

beforeEach(async () => {
  opened = Promise.resolve();
  reads = [];
  let store: ObjectStore | undefined;
  api = await startTestApi({
    wrapStore: (each) => {
      store = each;
      return each;
    },
    checkInputs: (...args) => check.checkInputs(...args),
    dispatcher: { maxRunsInFlight: 0 },
  });
  logs = [];
  deps = {
    store: {
      async read(key: string) {
        reads.push(key);
        const through = new PassThrough();
        const flow = async () => store && pipeline(await store.read(key), through);
        opened.then(flow).catch((error) => through.destroy(error));
        return through;
      },
    } as unknown as ObjectStore,
    tempDirectory: join(api.database.dataDir, FOLDER, "checks"),
    encoder: "auto",
    ffmpegPath: undefined,
    log: pino({}, { write: (line: string) => void logs.push(line) }),
    withinMs: PATIENT_MS,
  };
  check = createInputCheck(deps);
});
afterEach(async () => {
  await check.stop();
  await api.stop();
});

/** A picture of nobody: a whole PNG of one colour. */
const GREY = aPng({
  width: 600,
  height: 600,
  pixels: deflateSync(Buffer.alloc(600 * 1801).map((_, at) => (at % 1801 === 0 ? 0 : 128))),
});

const upload = async (image: Buffer, audio: Buffer) => ({
  image: await api.upload("image/png", image),
  audio: await api.upload("audio/wav", audio),
});
const keysOf = ({ image, audio }: { image: string; audio: string }) => ({
  imageKey: `uploads/${image}`,
  audioKey: `uploads/${audio}`,
  audioSeconds: 1,
});
const never = new AbortController().signal;

test("a portrait and speech are found good, a picture of nobody and silence are not", async () => {
  const good = await throughBothDoors(api, "jobs.estimate", { input: await upload(PORTRAIT, SPEECH) });
  expect(good.body.warnings).toEqual([]);
  const input = await upload(await GREY, aWav());
  const { body } = await api.rest("POST", "/v1/estimate", input);
  expect(body.warnings.map(({ code }: { code: string }) => code)).toEqual(["no_face", "audio_quiet"]);
  expect(await filesIn(api.database.dataDir, FOLDER)).toEqual([]);
});

test("an image that only its decoder finds damaged is warned of", async () => {
  const broken = Buffer.from(PORTRAIT);
  broken.fill(0, 5000, 6000);
  const { body } = await api.rest("POST", "/v1/estimate", await upload(broken, SPEECH));
  expect(body.warnings).toMatchObject([{ code: "image_undecodable" }]);
  expect(
    (await api.rest("POST", "/v1/jobs", await upload(broken, SPEECH))).status,
    "a job is made of it",
  ).toBe(202);
});

test("files are looked at one after another, and of too many at once some are not", async () => {
  const release = Promise.withResolvers<void>();
  opened = release.promise;
  const keys = keysOf(await upload(aPng(), aWav()));
  const asked: ReturnType<CheckInputs>[] = Array.from({ length: 5 }, () => check.checkInputs(keys, never));
  expect(await check.checkInputs(keys, never), "the sixth").toBeUndefined();
  await until("the first is read", () => reads.length === 2);
  await new Promise(setImmediate);
  expect(reads, "no other is").toHaveLength(2);
  release.resolve();
  expect(await Promise.all(asked)).toEqual(
    asked.map(() => expect.objectContaining({ faults: expect.any(Array) })),
  );
  expect(await check.checkInputs(keys, never), "there is room again").toBeDefined();
});

test.each(["its caller goes away", "the server stops"])(
  "a look ends where %s, and leaves nothing",
  async (how) => {
    opened = new Promise(() => {});
    const caller = new AbortController();
    const keys = keysOf(await upload(aPng(), aWav()));
    const asked = [check.checkInputs(keys, caller.signal), check.checkInputs(keys, caller.signal)];
    await until("the first is read", () => reads.length === 2);
    if (how === "the server stops") await check.stop();
    else caller.abort();
    expect(await Promise.all(asked)).toEqual([undefined, undefined]);
    await check.stop();
    expect(reads, "the second was not begun").toHaveLength(2);
    expect(await filesIn(api.database.dataDir, FOLDER)).toEqual([]);
  },
);

test("where the time is up, the estimate says so and is given all the same", async () => {
  opened = new Promise(() => {});
  const hasty = createInputCheck({ ...deps, withinMs: 50 });
  check = hasty;
  const { status, body } = await api.rest("POST", "/v1/estimate", await upload(aPng(), aWav()));
  expect([status, body.audioSeconds]).toEqual([200, 1]);
  expect(body.warnings).toMatchObject([{ code: "not_checked" }]);
});

test("a file that is gone in the meantime is logged, and the estimate says that nobody looked", async () => {
  const { image, audio } = await upload(aPng(), aWav());
  const keys = { ...keysOf({ image, audio }), imageKey: "uploads/upload_none" };
  expect(await check.checkInputs(keys, never)).toBeUndefined();
  expect(logs.join()).toContain("were not looked at");
});
