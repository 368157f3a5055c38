import { randomUUID } from "node:crypto";
import { keyModeOf } from "@avatar/contract/api-keys";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { hashKey } from "../src/api-keys/generate-key.ts";
import { openDatabase } from "../src/db/client.ts";
import { apiKeys } from "../src/db/schema/schema.ts";
import { throughBothDoors } from "./support/doors.ts";
import { auditOf, keyRow, makeChild, makeKey, revokeKey, rotateKey, statusOf } from "./support/keys.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { createTestDatabase, type TestDatabase } from "./support/test-database.ts";

/** What the server falls back to. */
const DEFAULTS = { requestsPerMinute: 10_000, jobsQueued: 50 };

let database: TestDatabase;
let api: TestApi;
let operator: string;
beforeAll(async () => {
  database = await createTestDatabase();
  api = await startTestApi({
    database,
    dispatcher: { maxRunsInFlight: 0 },
    config: { keyLimits: DEFAULTS },
    now: () => inServerTime(0),
  });
  operator = (await api.rest("GET", "/v1/keys/current")).body.id;
});
afterAll(async () => {
  await api.stop();
  await database.remove();
});

const create = (input: object) => api.rest("POST", "/v1/keys", { owner: "owner_1", name: "one", ...input });
const update = (id: string, set: object) => api.rest("POST", `/v1/keys/${id}`, set);
/** Time stands still but when a test moves it: what is remembered for a second is so on a slow machine, too. */
const startedAt = Date.now();
const inServerTime = (ms: number) => new Date(startedAt + database.clock.aheadMs + ms);
const HOUR_MS = 3_600_000;

describe("a new key", () => {
  test("has what was asked for, and works", async () => {
    const asked = {
      owner: "owner_1",
      name: "Ärzte & Co. 😀",
      mode: "live" as const,
      scopes: ["read" as const],
      expiresAt: inServerTime(HOUR_MS).toISOString(),
      limits: { requestsPerMinute: 100, usdPerMonth: 2.5 },
    };
    const { key, url: _, rest, ...made } = await makeKey(api, asked);
    expect(made).toEqual({
      ...asked,
      id: expect.stringMatching(/^key_[0-9a-f]{32}$/),
      hint: `avk_live_…${key.slice(-4)}`,
      limits: { ...DEFAULTS, ...asked.limits },
      createdAt: expect.any(String),
    });
    expect(keyModeOf(key)).toBe("live");
    expect((await rest("GET", "/v1/keys/current")).body).toEqual(made);
  });

  test("may generate and read for ever, where nothing else is asked for", async () => {
    const made = await makeKey(api);
    expect(made).toMatchObject({ mode: "live", scopes: ["generate", "read"], limits: DEFAULTS });
    expect(made).not.toHaveProperty("expiresAt");
  });

  test("has each scope once", async () => {
    expect((await create({ scopes: ["read", "read", "generate"] })).body.scopes).toEqual([
      "read",
      "generate",
    ]);
  });

  test.each([
    [{ expiresAt: "2020-01-01T00:00:00Z" }, "expiresAt"],
    [{ mode: "test", scopes: ["read", "admin"] }, "scopes"],
    [{ scopes: [] }, "scopes"],
    [{ owner: "acme\u202e" }, "owner"],
    [{ limits: { jobsQueued: 0 } }, "limits.jobsQueued"],
  ])("is refused with %j", async (input, path) => {
    const { body } = await throughBothDoors(api, "keys.create", {
      input: { owner: "owner_1", name: "one", ...input },
    });
    expect([body.code, body.issues[0].path]).toEqual(["invalid_input", path]);
  });

  test("that expires at the end of time is one", async () => {
    const expiresAt = "9999-12-31T23:59:59.999Z";
    const { id, owner } = await makeKey(api, { expiresAt });
    expect((await api.rest("GET", `/v1/keys?owner=${owner}`)).body.items).toMatchObject([{ id, expiresAt }]);
  });
});

describe("the list", () => {
  test("has every key once, newest first, over pages", async () => {
    const owner = `owner_${randomUUID()}`;
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      ids.unshift((await makeKey(api, { owner })).id);
      api.advance(1);
    }
    const seen: string[] = [];
    let cursor = "";
    do {
      const { body } = await api.rest(
        "GET",
        `/v1/keys?owner=${owner}&limit=2${cursor && `&cursor=${cursor}`}`,
      );
      seen.push(...body.items.map((key: { id: string }) => key.id));
      cursor = body.nextCursor ?? "";
    } while (cursor);
    expect(seen).toEqual(ids);
  });

  test("is of all owners, without child keys", async () => {
    const keys = [await makeKey(api), await makeKey(api)];
    const child = await makeChild(api, keys[0] ?? api);
    const listed = (await api.rest("GET", "/v1/keys?limit=100")).body.items;
    const ids = listed.map((key: { id: string }) => key.id);
    expect(ids).toEqual(expect.arrayContaining([operator, ...keys.map(({ id }) => id)]));
    expect(ids).not.toContain(child.id);
  });

  test.each([
    ["%", 200],
    ["owner_' or '1'='1", 200],
    ["acme\u202e", 400],
    ["\0", 400],
  ])("of the owner %j has no keys of others", async (owner, status) => {
    const answer = await api.rest("GET", `/v1/keys?owner=${encodeURIComponent(owner)}`);
    expect([answer.status, answer.body.items ?? []]).toEqual([status, []]);
  });

  test("takes no cursor of another list", async () => {
    const { body } = await api.rest("GET", `/v1/keys?cursor=1_job_${"0".repeat(32)}`);
    expect(body.issues[0].path).toBe("cursor");
  });
});

describe("an update", () => {
  test("changes what it names, within a second", async () => {
    const key = await makeKey(api, { limits: { usdPerDay: 1 } });
    expect((await key.rest("GET", "/v1/jobs")).status).toBe(200);
    const { body } = await update(key.id, { scopes: ["generate", "generate"], limits: { jobsInFlight: 3 } });
    expect(body).toMatchObject({ scopes: ["generate"], name: "test" });
    expect(body.limits).toEqual({ ...DEFAULTS, jobsInFlight: 3 });
    api.advance(1000);
    expect((await key.rest("GET", "/v1/jobs")).status).toBe(403);
  });

  test("of nothing is refused, and changes nothing", async () => {
    const { id } = await makeKey(api);
    const { status, body } = await throughBothDoors(api, "keys.update", { input: { id } });
    expect([status, body.code]).toEqual([400, "invalid_input"]);
    expect(body.detail).toContain("name, scopes and limits");
    expect(await auditOf(api, id)).toHaveLength(1);
  });

  test("makes no test key an operator's", async () => {
    const { id } = await makeKey(api, { mode: "test" });
    expect((await update(id, { scopes: ["admin"] })).body.code).toBe("invalid_input");
  });

  test.each([{ mode: "test" }, { owner: "owner_2" }, { hash: "0" }, { expiresAt: "2030-01-01T00:00:00Z" }])(
    "cannot change %j",
    async (set) => {
      const { id } = await makeKey(api);
      expect((await update(id, set)).body.code).toBe("unknown_field");
    },
  );
});

describe("a rotation", () => {
  test("gives the key a new text; the old one works until the overlap ends", async () => {
    const old = await makeKey(api, { limits: { usdPerDay: 1 } });
    const { key, rest, ...renewed } = await rotateKey(api, old.id, { overlapSeconds: 60 });
    expect(renewed).toMatchObject({
      id: old.id,
      owner: old.owner,
      limits: old.limits,
      createdAt: old.createdAt,
    });
    expect(renewed.previousUntil).toBe(inServerTime(60_000).toISOString());
    expect(key).not.toBe(old.key);

    expect([await statusOf(old), await statusOf({ rest })]).toEqual([200, 200]);
    api.advance(60_000);
    expect([await statusOf(old), await statusOf({ rest })]).toEqual([401, 200]);
    expect((await rest("GET", "/v1/keys/current")).body).not.toHaveProperty("previousUntil");
  });

  test("overlaps for a day, where nothing else is asked for", async () => {
    const old = await makeKey(api);
    await rotateKey(api, old.id);
    api.advance(24 * HOUR_MS - 1000);
    expect(await statusOf(old)).toBe(200);
    api.advance(1000);
    expect(await statusOf(old)).toBe(401);
  });

  test("without an overlap ends the old text at once, and the child keys that it made", async () => {
    const old = await makeKey(api);
    const child = await makeChild(api, old);
    const renewed = await rotateKey(api, old.id, { overlapSeconds: 0 });
    const childOfNew = await makeChild(api, renewed);
    api.advance(1000);
    expect([await statusOf(old), await statusOf(child)]).toEqual([401, 401]);
    expect([await statusOf(renewed), await statusOf(childOfNew)]).toEqual([200, 200]);
  });

  test("without an overlap leaves no child keys behind that the old text makes while it is remembered", async () => {
    const old = await makeKey(api);
    expect(await statusOf(old)).toBe(200); // From now on it is remembered for a second.
    await rotateKey(api, old.id, { overlapSeconds: 0 });
    expect(await statusOf(old)).toBe(200);
    expect((await old.rest("POST", "/v1/child-keys", {})).status).toBe(401);
  });

  test("that is repeated ends the text before the last one", async () => {
    const first = await makeKey(api);
    const second = await rotateKey(api, first.id);
    const third = await rotateKey(api, first.id);
    expect([await statusOf(first), await statusOf(second), await statusOf(third)]).toEqual([401, 200, 200]);
  });

  test("of ten at once leaves two texts that work, of which one is the key's", async () => {
    const { id } = await makeKey(api);
    const renewed = await Promise.all(Array.from({ length: 10 }, () => rotateKey(api, id)));
    const { lastFour } = await keyRow(api, id);
    const working = [];
    for (const each of renewed) if ((await statusOf(each)) === 200) working.push(each.key);
    expect(working).toHaveLength(2);
    expect(working.filter((key) => key.endsWith(lastFour))).toHaveLength(1);
    expect(await auditOf(api, id)).toHaveLength(11);
  });
});

describe("a revoked key", () => {
  test("works no longer after a second, nor does its old text or its child keys", async () => {
    const old = await makeKey(api);
    const key = await rotateKey(api, old.id);
    const child = await makeChild(api, key);
    const all = [old, key, child];
    for (const each of all) expect(await statusOf(each)).toBe(200);
    const { status, body } = await revokeKey(api, key.id);
    expect([status, body.revokedAt]).toEqual([200, expect.any(String)]);
    api.advance(1000);
    for (const each of all) expect(await statusOf(each)).toBe(401);
  });

  test("is the same when it is revoked again", async () => {
    const { id } = await makeKey(api);
    const first = await revokeKey(api, id);
    api.advance(5000);
    expect((await revokeKey(api, id)).body).toEqual(first.body);
    expect(await auditOf(api, id)).toHaveLength(2);
  });

  test("that is remembered for a second more makes and changes no keys", async () => {
    const admin = await makeKey(api, { scopes: ["admin", "read"] });
    expect(await statusOf(admin)).toBe(200);
    await revokeKey(api, admin.id);
    expect(await statusOf(admin), "it is remembered").toBe(200);
    for (const [path, body] of [
      ["/v1/keys", { owner: "thief", name: "thief", scopes: ["admin"] }],
      ["/v1/child-keys", {}],
      [`/v1/keys/${operator}/revoke`, {}],
    ] as const)
      expect((await admin.rest("POST", path, body)).status).toBe(401);
    expect((await api.rest("GET", "/v1/keys?owner=thief")).body.items).toEqual([]);
  });
});

test("an operator's key that was made another's is none at once, where keys are concerned", async () => {
  const admin = await makeKey(api, { scopes: ["admin", "read"] });
  expect((await admin.rest("GET", "/v1/keys")).status).toBe(200);
  await update(admin.id, { scopes: ["read"] });
  expect((await admin.rest("POST", "/v1/keys", { owner: "a", name: "b" })).body.code).toBe(
    "insufficient_scope",
  );
});

test("a key ends when it expires", async () => {
  const key = await makeKey(api, { expiresAt: inServerTime(60_000).toISOString() });
  expect(await statusOf(key)).toBe(200);
  api.advance(59_000);
  expect(await statusOf(key)).toBe(200);
  api.advance(1000);
  expect(await statusOf(key)).toBe(401);
});

test.each(["revoked", "expired"])("a key that is %s can be neither changed nor rotated", async (how) => {
  const key = await makeKey(api, { expiresAt: inServerTime(60_000).toISOString() });
  if (how === "revoked") await revokeKey(api, key.id);
  else api.advance(60_000);
  for (const [name, input] of [
    ["keys.update", { name: "two" }],
    ["keys.rotate", {}],
  ] as const) {
    const { body } = await throughBothDoors(api, name, { input: { id: key.id, ...input } });
    expect(body.code).toBe("key_not_found");
  }
});

test("child keys can be revoked, but neither changed nor rotated", async () => {
  const child = await makeChild(api, await makeKey(api));
  expect((await update(child.id, { scopes: ["admin"] })).status).toBe(404);
  expect((await api.rest("POST", `/v1/keys/${child.id}/rotate`)).status).toBe(404);
  expect((await revokeKey(api, child.id)).status).toBe(200);
  expect(await statusOf(child)).toBe(401);
});

test("a key is shown once: no list, no log, no audit row and no column has it, or its hash", async () => {
  const first = await makeKey(api);
  const second = await rotateKey(api, first.id);
  const child = await makeChild(api, second);
  await update(first.id, { name: "two" });
  const list = await api.rest("GET", "/v1/keys?limit=100");
  const current = await Promise.all([second, child].map(({ rest }) => rest("GET", "/v1/keys/current")));
  await revokeKey(api, first.id);
  const told = JSON.stringify([
    list.body,
    current.map(({ body }) => body),
    api.logs,
    await auditOf(api, first.id),
    await auditOf(api, child.id),
  ]);
  const stored = JSON.stringify(await api.db.select().from(apiKeys));
  expect(told).toContain(child.id);
  expect(stored).toContain(hashKey(child.key));
  for (const { key } of [first, second, child]) {
    expect(told).not.toContain(key.slice(9, 40));
    expect(stored).not.toContain(key.slice(9, 40));
    expect(told).not.toContain(hashKey(key));
  }
});

test("the audit log says who did what to which key", async () => {
  const admin = await makeKey(api, { scopes: ["admin", "generate"], name: "the second operator" });
  const { id, owner } = await makeKey(admin, { name: "one", limits: { usdPerDay: 1 } });
  const child = await makeChild(api, admin, { scopes: ["generate"], limits: { jobsInFlight: 1 } });
  await admin.rest("POST", `/v1/keys/${id}`, { name: "two" });
  await admin.rest("POST", `/v1/keys/${id}/rotate`, { overlapSeconds: 60 });
  await revokeKey(api, id);
  const made = { owner, name: "one", mode: "live", scopes: ["generate", "read"], limits: { usdPerDay: 1 } };
  expect(await auditOf(api, id)).toEqual([
    { actor: admin.id, action: "created", details: { ...made, expiresAt: null } },
    { actor: admin.id, action: "updated", details: { name: "two" } },
    { actor: admin.id, action: "rotated", details: { overlapSeconds: 60 } },
    { actor: operator, action: "revoked", details: {} },
  ]);
  // Each browser may get one, so what is stored of them is what becomes of them early.
  expect(await auditOf(api, child.id)).toEqual([]);
  await revokeKey(admin, child.id);
  expect(await auditOf(api, child.id)).toEqual([{ actor: admin.id, action: "revoked", details: {} }]);
  expect(await auditOf(api, operator)).toMatchObject([{ actor: "server", action: "created" }]);
});

test("what was refused is not in the audit log", async () => {
  const reader = await makeKey(api);
  const { id } = await makeKey(api);
  expect((await reader.rest("POST", `/v1/keys/${id}/revoke`)).status).toBe(403);
  expect(await auditOf(api, id)).toHaveLength(1);
  expect((await keyRow(api, id)).revokedAt).toBeNull();
});

test("when a key was last used is not written on the way of its requests, but is in the end", async () => {
  const ownDatabase = await createTestDatabase();
  const own = await startTestApi({ database: ownDatabase });
  const key = await makeKey(own);
  const child = await makeChild(own, key);
  expect([await statusOf(key), await statusOf(child)]).toEqual([200, 200]);
  expect([(await keyRow(own, key.id)).lastUsedAt, (await keyRow(own, child.id)).lastUsedAt]).toEqual([
    null,
    null,
  ]);
  await own.stop();

  const { db, close } = await openDatabase(ownDatabase.config);
  try {
    const used = await db.select({ id: apiKeys.id, lastUsedAt: apiKeys.lastUsedAt }).from(apiKeys);
    expect(used).toHaveLength(3);
    for (const { lastUsedAt } of used) expect(lastUsedAt).toBeInstanceOf(Date);
  } finally {
    await close();
    await ownDatabase.remove();
  }
});
