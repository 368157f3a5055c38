import { LIMITS } from "@avatar/contract/limits";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { jobs } from "../src/db/schema/schema.ts";
import { throughBothDoors, throughRest, throughTrpc } from "./support/doors.ts";
import { aJobInput } from "./support/refusals.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

const create = (input: object, key?: string) =>
  api.rest("POST", "/v1/jobs", input, key === undefined ? {} : { "idempotency-key": key });

test("a job made of two uploads ends with a video that can be downloaded", async () => {
  const created = await create(await api.uploadFixtures());
  expect(created.status).toBe(202);
  expect(created.headers.get("location")).toBe(`/v1/jobs/${created.body.id}`);
  const done = await api.rest("GET", `/v1/jobs/${created.body.id}?wait=30&after=99`);
  expect(done.body).toMatchObject({ status: "succeeded", audioSeconds: 2.99 });
  const result = await api.rest("GET", `/v1/jobs/${created.body.id}/result`);
  const video = await fetch(result.body.url);
  expect(await video.text()).toContain(`the video of ${created.body.id}`);
});

describe("settings", () => {
  test("have defaults", async () => {
    const { body } = await throughBothDoors(api, "jobs.create", { input: await aJobInput(api) });
    expect(body).toMatchObject({
      status: "queued",
      version: 1,
      aspect: "auto",
      fit: "crop",
      metadata: {},
      ttlSeconds: LIMITS.videoTtlSeconds.default,
      audioSeconds: 1,
      seed: expect.any(Number),
    });
    expect(body).not.toHaveProperty("prompt");
  });

  test("come back as they were given", async () => {
    const settings = {
      aspect: "9:16",
      fit: "pad",
      prompt: "She smiles. 👋",
      seed: 0xffff_ffff,
      metadata: { order: "ö 1" },
      ttlSeconds: 60,
    };
    const { body } = await throughBothDoors(api, "jobs.create", {
      input: { ...(await aJobInput(api)), ...settings },
    });
    expect(body).toMatchObject(settings);
  });

  test.each([
    ["aspect", "4:3"],
    ["fit", "stretch"],
    ["prompt", ""],
    ["prompt", "x".repeat(LIMITS.prompt.maxLength + 1)],
    ["seed", -1],
    ["seed", 2 ** 32],
    ["seed", 1.5],
    ["ttlSeconds", 59],
    ["ttlSeconds", LIMITS.videoTtlSeconds.default + 1],
    ["metadata", Object.fromEntries(Array.from({ length: 21 }, (_, n) => [`label${n}`, ""]))],
    ["metadata.label", { label: "x".repeat(501) }],
    ["metadata.__proto__", JSON.parse('{ "__proto__": "x" }')],
    [`metadata.${"x".repeat(41)}`, { ["x".repeat(41)]: "" }],
    ["image", 3],
    ["audio", ""],
  ])("%s cannot be %j", async (path, value) => {
    const field = path.split(".")[0] ?? "";
    const input = { image: "upload_1", audio: "upload_2", [field]: value };
    const { body } = await throughBothDoors(api, "jobs.create", { input });
    expect(body).toMatchObject({ code: "invalid_input", issues: [{ path }] });
  });
});

describe("one upload", () => {
  test("serves several jobs", async () => {
    const input = await aJobInput(api);
    expect((await create(input)).status).toBe(202);
    expect((await create(input)).status).toBe(202);
  });

  test("does not serve for both files", async () => {
    const { image } = await aJobInput(api);
    const { body } = await throughBothDoors(api, "jobs.create", { input: { image, audio: image } });
    expect(body.code).toBe("media_type_mismatch");
  });

  test("has expired once its hour is over", async () => {
    const input = await aJobInput(api);
    api.advance(LIMITS.uploadTtlSeconds * 1000);
    const { body } = await throughBothDoors(api, "jobs.create", { input });
    expect(body).toMatchObject({ code: "upload_expired", detail: expect.stringContaining(input.image) });
  });
});

describe("an Idempotency-Key", () => {
  test("makes one job through both doors", async () => {
    const call = { input: await aJobInput(api), headers: { "idempotency-key": "both-doors" } };
    const first = await throughRest(api, "jobs.create", call);
    const again = await throughTrpc(api, "jobs.create", call);
    expect(again.body.id).toBe(first.body.id);
    expect([first, again].map(({ headers }) => headers.get("idempotency-replayed"))).toEqual([null, "true"]);
    expect(again.headers.get("location")).toBe(`/v1/jobs/${first.body.id}`);
  });

  test("makes one job of twenty requests at once", async () => {
    const input = await aJobInput(api);
    const before = await api.db.$count(jobs);
    const answers = await Promise.all(Array.from({ length: 20 }, () => create(input, "at-once")));
    expect(new Set(answers.map(({ body }) => body.id)).size).toBe(1);
    expect(answers.filter(({ headers }) => !headers.has("idempotency-replayed"))).toHaveLength(1);
    expect(await api.db.$count(jobs)).toBe(before + 1);
  });

  test("gives the job as it is by now, also when its uploads are gone", async () => {
    const input = await aJobInput(api);
    const { body } = await create(input, "later");
    await api.rest("DELETE", `/v1/jobs/${body.id}`);
    const again = await create(input, "later");
    expect(again.status).toBe(202);
    expect(again.body).toMatchObject({ id: body.id, finishedAt: expect.any(String) });
  });

  test.each([{ seed: 2 }, { metadata: { a: "b" } }, { prompt: "Smile" }])(
    "belongs to one request: %j makes it another",
    async (change) => {
      const input = { ...(await aJobInput(api)), seed: 1 };
      const key = `change-${Object.keys(change)}`;
      await create(input, key);
      expect((await create({ ...input, ...change }, key)).body.code).toBe("idempotency_mismatch");
    },
  );

  test("is free again after 24 hours", async () => {
    const first = await create(await aJobInput(api), "a-day");
    api.advance(LIMITS.idempotencySeconds * 1000 + 1);
    const second = await create(await aJobInput(api), "a-day");
    expect(second.status).toBe(202);
    expect(second.body.id).not.toBe(first.body.id);
  });

  test.each(["", "two words", "x".repeat(256)])("cannot be %j", async (key) => {
    const call = { input: await aJobInput(api), headers: { "idempotency-key": key } };
    const { body } = await throughBothDoors(api, "jobs.create", call);
    expect(body).toMatchObject({ code: "invalid_input", issues: [{ path: "Idempotency-Key" }] });
  });
});
