import { isNotNull } from "drizzle-orm";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { jobs, uploads } from "../src/db/schema/schema.ts";
import type { ObjectStore } from "../src/storage/object-store.ts";
import { StorageUnavailable } from "../src/storage/object-store.ts";
import { aPng } from "./media/media-files.ts";
import { throughBothDoors } from "./support/doors.ts";
import type { FakeS3, Fault } from "./support/fake-s3.ts";
import { sweep } from "./support/leftovers.ts";
import { aForm, FORM_TYPE } from "./support/multipart.ts";
import { jobRow, untilStatus } from "./support/queue.ts";
import { aJobInput } from "./support/refusals.ts";
import type { Rest, RestAnswer } from "./support/rest.ts";
import { isProof, SEED, seededRandom } from "./support/seeded-random.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { createTestDatabase, databaseKind } from "./support/test-database.ts";
import { until } from "./support/until.ts";

const DAY_MS = 24 * 3_600_000;
const generate = (rest: Rest, key?: string) =>
  rest("POST", "/v1/jobs", aForm(), { ...FORM_TYPE, ...(key && { "idempotency-key": key }) });

const refused = ({ status, headers, body }: RestAnswer) => [status, body.code, headers.get("retry-after")];
const UNAVAILABLE = [503, "storage_unavailable", "1"];

let api: TestApi;
afterEach(() => api.stop());

/** A day later, after what was interrupted was swept up. @returns keys of all that is left */
async function leftAfterSweep(): Promise<string[]> {
  await sweep(api.db, api.database, new Date(Date.now() + DAY_MS));
  return api.database.objects();
}

describe("F7: a store that fails within each call", () => {
  let isDown = false;
  const fails = (name: string) => ["put", "head", "read", "delete", "signParts"].includes(name);
  const wrapStore = <S extends ObjectStore>(store: S): S =>
    new Proxy(store, {
      get: (target, name) =>
        isDown && fails(String(name))
          ? async () => {
              if (name === "delete") return ["all"];
              throw new StorageUnavailable("it is away");
            }
          : Reflect.get(target, name),
    });
  beforeEach(async () => {
    isDown = false;
    api = await startTestApi({ wrapStore, dispatcher: { maxRunsInFlight: 0 } });
  });

  test("is told alike through both doors, and leaves no job", async () => {
    const input = await aJobInput(api);
    const { body } = await api.rest("POST", "/v1/jobs", input);
    const fresh = await aJobInput(api);
    isDown = true;
    const calls: [string, object][] = [
      ["jobs.create", fresh],
      ["jobs.estimate", fresh],
      ["jobs.delete", { id: body.id }],
      ["uploads.create", { contentType: "image/png", bytes: 3, inParts: true }],
    ];
    for (const [name, of] of calls) {
      const answer = await throughBothDoors(api, name, { input: of });
      expect([name, ...refused(answer)]).toEqual([name, ...UNAVAILABLE]);
    }
    expect(refused(await generate(api.rest))).toEqual(UNAVAILABLE);
    expect(await api.db.$count(jobs)).toBe(1);
  });

  test("leaves no object once it is back and was swept", async () => {
    isDown = true;
    expect(refused(await generate(api.rest))).toEqual(UNAVAILABLE);
    isDown = false;
    expect((await generate(api.rest)).status).toBe(202);
    const needed = await api.database.objects();
    await sweep(api.db, api.database, new Date(Date.now() + DAY_MS));
    expect([needed.length, await api.database.objects()]).toEqual([2, needed]);
  });

  test("during a render keeps the job waiting, which succeeds when it is back", async () => {
    isDown = true;
    await api.stop();
    api = await startTestApi({ wrapStore });
    isDown = false;
    const input = await aJobInput(api);
    const release = Promise.withResolvers<void>();
    api.engine.scripts = [{ hold: release.promise }];
    const { body } = await api.rest("POST", "/v1/jobs", input);
    await untilStatus(api.db, body.id, "running");
    isDown = true;
    release.resolve();
    await untilStatus(api.db, body.id, "queued");
    isDown = false;
    await untilStatus(api.db, body.id, "succeeded");
  });
});

describe.skipIf(databaseKind === "pglite")("F7: a bucket", () => {
  let s3: FakeS3;
  beforeEach(async () => {
    const database = await createTestDatabase();
    api = await startTestApi({ database });
    if (!database.s3) throw new Error("this test needs a bucket");
    s3 = database.s3;
  });
  // Before its database goes, whose server would else be asked again and again.
  afterEach(async () => {
    await api.stop();
    await api.database.remove();
  });

  test("that nobody reaches is unavailable, and works again when it is back", async () => {
    await s3.down();
    expect(refused(await generate(api.rest))).toEqual(UNAVAILABLE);
    expect(await api.db.$count(jobs)).toBe(0);
    await s3.up();
    const { body } = await generate(api.rest);
    await untilStatus(api.db, body.id, "succeeded");
  });

  test.each<[string, Fault]>([
    ["is slow to take more", { status: 503, code: "SlowDown" }],
    ["has an error of its own", { status: 500, code: "InternalError" }],
    ["breaks the connection", "reset"],
  ])("that %s a moment is tried again, and nobody notices", async (_what, fault) => {
    s3.faults.next = [fault, fault];
    const { status, body } = await generate(api.rest);
    expect(status).toBe(202);
    await untilStatus(api.db, body.id, "succeeded");
  });

  test("that refuses the key of the server is unavailable, and the operator is told why", async () => {
    s3.faults.when(() => ({ status: 403, code: "InvalidAccessKeyId" }));
    expect(refused(await generate(api.rest))).toEqual(UNAVAILABLE);
    expect(api.logs.join()).toContain("InvalidAccessKeyId");
    expect(api.logs.join()).not.toContain("Signature=");
  });

  test("in which a video is missing, cut off or of another type ends in no success", async () => {
    for (const change of ["missing", "cut off", "of another type"]) {
      api.engine.scripts = [];
      const stopFaults = s3.faults.when(({ operation, key }) => {
        if (!key.startsWith("videos/") || operation !== "HeadObject") return undefined;
        const video = s3.objects.get(key);
        if (!video) return undefined;
        if (change === "missing") s3.objects.delete(key);
        else if (change === "cut off") s3.objects.set(key, { ...video, bytes: video.bytes - 100 });
        else
          s3.objects.set(key, {
            ...video,
            headers: { "content-type": "text/html" },
            contentType: "text/html",
          });
        return undefined;
      });
      const { body } = await generate(api.rest);
      const failed = await untilStatus(api.db, body.id, "failed");
      expect([change, failed.error?.code]).toEqual([change, "render_failed"]);
      stopFaults();
    }
  }, 120_000);

  test("that fails a fifth of all requests loses no job, and keeps no object that no job has", async () => {
    const random = seededRandom(SEED);
    const kinds: Fault[] = [{ status: 503, code: "SlowDown" }, "reset", "reset after", "truncate"];
    s3.faults.when(({ operation }) => {
      if (random() > 0.2) return undefined;
      if (operation === "DeleteObjects" && random() < 0.5)
        return { code: "InternalError", keys: () => random() < 0.5 };
      return kinds[Math.floor(random() * kinds.length)];
    });
    const made: string[] = [];
    for (let index = 0; index < (isProof ? 200 : 12); index++) {
      // What a careful client does: asks again, in the same words.
      for (let attempt = 0; made.length <= index; attempt++) {
        const answer = await generate(api.rest, `job-${index}`);
        if (answer.status === 202) made.push(answer.body.id);
        else expect(refused(answer)).toEqual(UNAVAILABLE);
        expect(attempt).toBeLessThan(50);
      }
    }
    expect(await api.db.$count(jobs)).toBe(made.length);
    for (const id of made) {
      await until(`job ${id} is succeeded`, async () => {
        const { status } = await jobRow(api.db, id);
        // After several bad runs in a row it waits for longer than a test may take.
        if (status === "queued") api.advance(1000);
        return status === "succeeded";
      });
    }
    s3.faults.clear();
    for (const id of made) {
      const { body } = await api.rest("GET", `/v1/jobs/${id}/result`);
      const video = Buffer.from(await (await fetch(body.url)).arrayBuffer());
      expect(video.toString("latin1")).toContain(`the video of ${id}`);
    }
    await sweep(api.db, api.database, new Date(Date.now() + 2 * 3_600_000));
    const videos = await api.db.select({ key: jobs.videoKey }).from(jobs).where(isNotNull(jobs.videoKey));
    expect(await api.database.objects()).toEqual(videos.map(({ key }) => key).sort());
    expect(await leftAfterSweep()).toEqual([]);
  }, 3_600_000);
});

test("F7: an upload that breaks off leaves nothing, and its link works again", async () => {
  api = await startTestApi();
  const file = aPng();
  const { body } = await api.rest("POST", "/v1/uploads", { contentType: "image/png", bytes: file.length });
  const cut = new ReadableStream({
    start(controller) {
      controller.enqueue(file.subarray(0, 100));
      controller.error(new Error("the line went dead"));
    },
  });
  const headers = { ...body.headers, "content-length": String(file.length) };
  await expect(
    fetch(body.url, { method: "PUT", headers, body: cut, duplex: "half" } as RequestInit),
  ).rejects.toThrow();
  expect(await api.database.objects()).toEqual([]);
  const again = await fetch(body.url, { method: "PUT", headers: body.headers, body: new Uint8Array(file) });
  expect(again.status).toBe(200);
  expect(await api.db.$count(uploads)).toBe(1);
});
