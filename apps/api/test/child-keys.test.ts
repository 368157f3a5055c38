import { LIMITS } from "@avatar/contract/limits";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { throughBothDoors } from "./support/doors.ts";
import {
  type KeyInUse,
  makeChild,
  makeKey,
  revokeKey,
  rotateKey,
  statusOf,
  uploadInputs,
} from "./support/keys.ts";
import { insertJob } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { createTestDatabase, type TestDatabase } from "./support/test-database.ts";

let database: TestDatabase;
let api: TestApi;
beforeAll(async () => {
  database = await createTestDatabase();
  api = await startTestApi({ database, dispatcher: { maxRunsInFlight: 0 }, now: () => inServerTime(0) });
});
afterAll(async () => {
  await api.stop();
  await database.remove();
});

/** Time stands still but when a test moves it. */
const startedAt = Date.now();
const inServerTime = (ms: number) => new Date(startedAt + database.clock.aheadMs + ms);
const inIso = (ms: number) => inServerTime(ms).toISOString();

const mint = (key: Pick<KeyInUse, "rest">, input: object) => key.rest("POST", "/v1/child-keys", input);
const generate = async (key: Pick<KeyInUse, "rest">) => key.rest("POST", "/v1/jobs", await uploadInputs(key));

describe("a child key", () => {
  test("lives a quarter of an hour, of its parent's owner and mode, with both scopes", async () => {
    const parent = await makeKey(api, { mode: "test", limits: { jobsInFlight: 7 } });
    const child = await makeChild(api, parent);
    expect(child).toMatchObject({
      owner: parent.owner,
      mode: "test",
      parentId: parent.id,
      scopes: ["generate", "read"],
      limits: {},
      expiresAt: inIso(900_000),
    });
    expect(child.key).toMatch(/^avk_test_/);
    expect((await child.rest("GET", "/v1/keys/current")).body.id).toBe(child.id);
  });

  test("works until its time is over", async () => {
    const child = await makeChild(api, await makeKey(api), { ttlSeconds: 60 });
    api.advance(59_999);
    expect(await statusOf(child)).toBe(200);
    api.advance(1);
    expect(await statusOf(child)).toBe(401);
  });

  test("lives an hour at most", async () => {
    const { max, min } = LIMITS.childKeyTtlSeconds;
    expect(max).toBe(3600);
    const parent = await makeKey(api);
    for (const ttlSeconds of [max + 1, min - 1, 60.5, "60", 1e300])
      expect((await mint(parent, { ttlSeconds })).body.code).toBe("invalid_input");
    expect((await makeChild(api, parent, { ttlSeconds: max })).expiresAt).toBe(inIso(3_600_000));
  });

  test("lives no longer than its parent, and says so", async () => {
    const parent = await makeKey(api, { expiresAt: inIso(60_000) });
    const child = await makeChild(api, parent, { ttlSeconds: 3600 });
    expect(child.expiresAt).toBe(inIso(60_000));
    api.advance(60_000);
    expect(await statusOf(child)).toBe(401);
  });

  test("lives no longer than the text that made it", async () => {
    const old = await makeKey(api);
    const early = await makeChild(api, old, { ttlSeconds: 3600 });
    const renewed = await rotateKey(api, old.id, { overlapSeconds: 60 });
    const late = await makeChild(api, old, { ttlSeconds: 3600 });
    const ofNew = await makeChild(api, renewed);
    expect(late.expiresAt).toBe(inIso(60_000));
    api.advance(59_999);
    expect([await statusOf(early), await statusOf(late), await statusOf(ofNew)]).toEqual([200, 200, 200]);
    api.advance(1);
    expect([await statusOf(early), await statusOf(late), await statusOf(ofNew)]).toEqual([401, 401, 200]);
  });

  test("ends with its parent's revocation", async () => {
    const parent = await makeKey(api);
    const child = await makeChild(api, parent);
    expect(await statusOf(child)).toBe(200);
    await revokeKey(api, parent.id);
    api.advance(1000);
    expect(await statusOf(child)).toBe(401);
  });

  test("makes no keys", async () => {
    const child = await makeChild(api, await makeKey(api));
    expect((await mint(child, {})).body).toMatchObject({
      code: "insufficient_scope",
      detail: "A child key cannot make keys.",
    });
    expect((await child.rest("POST", "/v1/keys", { owner: "a", name: "b" })).status).toBe(403);
  });

  test("of an operator's key is no operator's", async () => {
    const admin = await makeKey(api, { scopes: ["admin", "generate", "read"] });
    expect((await mint(admin, { scopes: ["admin"] })).body.code).toBe("invalid_input");
    const child = await makeChild(api, admin);
    expect(child.scopes).toEqual(["generate", "read"]);
    expect((await child.rest("GET", "/v1/keys")).status).toBe(403);
    const bare = await makeKey(api, { scopes: ["admin"] });
    expect((await mint(bare, {})).body.code).toBe("insufficient_scope");
  });

  test.each(["name", "owner", "mode", "expiresAt", "parentId"])("cannot be given its %s", async (field) => {
    expect((await mint(await makeKey(api), { [field]: "x" })).body.code).toBe("unknown_field");
  });
});

describe("the scopes of a child key", () => {
  test("are among its parent's", async () => {
    const reader = await makeKey(api, { scopes: ["read"] });
    expect((await mint(reader, { scopes: ["generate"] })).body.code).toBe("insufficient_scope");
    expect((await makeChild(api, reader)).scopes).toEqual(["read"]);
    const both = await makeKey(api);
    expect((await makeChild(api, both, { scopes: ["generate", "generate"] })).scopes).toEqual(["generate"]);
  });

  test("become fewer when its parent's do", async () => {
    const parent = await makeKey(api);
    const child = await makeChild(api, parent);
    expect((await child.rest("GET", "/v1/jobs")).status).toBe(200);
    await api.rest("POST", `/v1/keys/${parent.id}`, { scopes: ["generate"] });
    api.advance(1000);
    expect((await child.rest("GET", "/v1/jobs")).status).toBe(403);
    expect((await generate(child)).status).toBe(202);
  });
});

describe("the limits of a child key", () => {
  test("hold beside its parent's, which hold as well", async () => {
    const parent = await makeKey(api, { limits: { jobsInFlight: 2 } });
    const narrow = await makeChild(api, parent, { limits: { jobsInFlight: 1 } });
    const wide = await makeChild(api, parent, { limits: { jobsInFlight: 1000 } });
    expect((await generate(narrow)).status).toBe(202);
    expect((await generate(narrow)).body.limit).toMatchObject({ of: "childKey", max: 1 });
    expect((await generate(wide)).status).toBe(202);
    expect((await generate(wide)).body.limit).toMatchObject({ of: "key", name: "jobsInFlight" });
  });

  test.each(["jobsInFlight", "jobsQueued"] as const)(
    "tell a browser nothing of its parent's %s",
    async (name) => {
      const parent = await makeKey(api, { limits: { [name]: 1 } });
      expect((await generate(parent)).status).toBe(202);
      const { limit, detail } = (await generate(await makeChild(api, parent))).body;
      expect(limit).toEqual({ of: "key", name });
      expect(detail).not.toMatch(/\d/);
      expect((await generate(parent)).body.limit).toMatchObject({ max: 1, left: 0 });
    },
  );

  test("are none of dollars", async () => {
    const { body } = await mint(await makeKey(api), { limits: { usdPerDay: 1 } });
    expect(body.code).toBe("unknown_field");
  });
});

describe("a child key sees only its own jobs", () => {
  let parent: KeyInUse;
  let child: KeyInUse;
  let own: string;
  let others: string[];
  beforeAll(async () => {
    parent = await makeKey(api);
    child = await makeChild(api, parent);
    const sibling = await makeChild(api, parent);
    own = (await generate(child)).body.id;
    others = [(await generate(parent)).body.id, (await generate(sibling)).body.id];
    others.push((await insertJob(api, { owner: parent.owner, keyId: parent.id, status: "succeeded" })).id);
  });

  test("in the list", async () => {
    const { body } = await child.rest("GET", "/v1/jobs");
    expect(body.items.map(({ id }: { id: string }) => id)).toEqual([own]);
    expect((await parent.rest("GET", "/v1/jobs")).body.items).toHaveLength(4);
  });

  test.each(["jobs.get", "jobs.result", "jobs.cancel", "jobs.delete"])("in %s", async (name) => {
    const headers = { authorization: `Bearer ${child.key}` };
    for (const id of others) {
      const { status, body } = await throughBothDoors(api, name, { input: { id }, headers });
      expect([status, body.code]).toEqual([404, "job_not_found"]);
    }
    const statuses = others.map(async (id) => (await parent.rest("GET", `/v1/jobs/${id}`)).body.status);
    expect(await Promise.all(statuses)).toEqual(["queued", "queued", "succeeded"]);
  });

  test("and can cancel and delete those", async () => {
    const { id } = (await generate(child)).body;
    expect((await child.rest("POST", `/v1/jobs/${id}/cancel`)).body.status).toBe("canceled");
    expect((await child.rest("DELETE", `/v1/jobs/${id}`)).status).toBe(200);
  });

  test("under idempotency keys of its own", async () => {
    const input = await uploadInputs(parent);
    const headers = { "idempotency-key": "order-1" };
    const answers = [];
    for (const { rest } of [parent, child, child])
      answers.push(await rest("POST", "/v1/jobs", input, headers));
    const [ofParent, first, again] = answers;
    expect(answers.map(({ status }) => status)).toEqual([202, 202, 202]);
    expect(first?.body.id).not.toBe(ofParent?.body.id);
    expect(again?.body.id).toBe(first?.body.id);
    expect(again?.headers.get("idempotency-replayed")).toBe("true");
  });
});
