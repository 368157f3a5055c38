import { expect, test } from "vitest";
import type { ApiKeyRow } from "./api-key-repository.ts";
import { createAuthenticate } from "./authenticate.ts";
import { generateKey, hashKey } from "./generate-key.ts";

const KEY = generateKey("live");
const HASH = hashKey(KEY);
const START = Date.UTC(2026, 0, 1);

const aRow = (row: Partial<ApiKeyRow> = {}): ApiKeyRow => ({
  id: "key_1",
  parentId: null,
  parentHash: null,
  owner: "owner_1",
  name: "one",
  mode: "live",
  scopes: ["generate", "read"],
  limits: {},
  hash: HASH,
  lastFour: KEY.slice(-4),
  previousHash: null,
  previousUntil: null,
  createdAt: new Date(0),
  expiresAt: null,
  lastUsedAt: null,
  revokedAt: null,
  ...row,
});

/** A database with one key, which takes no notice of the time: what ends by itself is up to the cache. */
function setUp(key = aRow(), parent: ApiKeyRow | null = null) {
  let ms = START;
  let stored: { key: ApiKeyRow; parent: ApiKeyRow | null } | undefined = { key, parent };
  let lookups = 0;
  const authenticate = createAuthenticate({
    apiKeys: {
      async findActive() {
        lookups++;
        return stored;
      },
    },
    defaultLimits: {},
    now: () => new Date(ms),
  });
  return {
    lookups: () => lookups,
    at(afterMs: number) {
      ms = START + afterMs;
    },
    revoke() {
      stored = undefined;
    },
    isLetIn: () =>
      authenticate(KEY).then(
        () => true,
        () => false,
      ),
  };
}

test("a key is looked up once a second", async () => {
  const api = setUp();
  for (const ms of [0, 500, 999, 1000, 1999]) {
    api.at(ms);
    expect(await api.isLetIn()).toBe(true);
  }
  expect(api.lookups()).toBe(2);
});

test("a revoked key is refused a second after it was last looked up, and not earlier let in again", async () => {
  const api = setUp();
  await api.isLetIn();
  api.revoke();
  api.at(999);
  expect(await api.isLetIn()).toBe(true);
  api.at(1000);
  expect(await api.isLetIn()).toBe(false);
  api.at(500);
  expect(await api.isLetIn(), "it is not remembered any more").toBe(false);
});

test("who comes at once with one key shares a look", async () => {
  const api = setUp();
  expect(await Promise.all([1, 2, 3].map(api.isLetIn))).toEqual([true, true, true]);
  expect(api.lookups()).toBe(1);
  api.revoke();
  api.at(1000);
  expect(await Promise.all([1, 2, 3].map(api.isLetIn))).toEqual([false, false, false]);
  expect(api.lookups()).toBe(2);
});

test("a clock that is set back lengthens nothing", async () => {
  const api = setUp();
  await api.isLetIn();
  api.revoke();
  api.at(-1);
  expect(await api.isLetIn()).toBe(false);
});

const soon = new Date(START + 300);
test.each([
  ["a key that expires", aRow({ expiresAt: soon })],
  ["the old text of a key", aRow({ hash: "new", previousHash: HASH, previousUntil: soon })],
  [
    "a child key whose parent expires",
    aRow({ parentId: "key_2", parentHash: "p", expiresAt: new Date(START + 9000) }),
    aRow({ id: "key_2", hash: "p", expiresAt: soon }),
  ],
  [
    "a child key that an old text made",
    aRow({ parentId: "key_2", parentHash: "old", expiresAt: new Date(START + 9000) }),
    aRow({ id: "key_2", hash: "new", previousHash: "old", previousUntil: soon }),
  ],
])("%s is remembered no longer than that", async (_what, key, parent: ApiKeyRow | null = null) => {
  const api = setUp(key, parent);
  await api.isLetIn();
  api.revoke();
  api.at(299);
  expect(await api.isLetIn()).toBe(true);
  api.at(300);
  expect(await api.isLetIn()).toBe(false);
});

test("the new text of a key that is being rotated has no end", async () => {
  const api = setUp(aRow({ previousHash: "old", previousUntil: soon }));
  await api.isLetIn();
  api.at(999);
  await api.isLetIn();
  expect(api.lookups()).toBe(1);
});

test.each([undefined, "", "nonsense", `${KEY}x`])(
  "%j is refused without a look into the database",
  async (key) => {
    const authenticate = createAuthenticate({
      apiKeys: { findActive: () => Promise.reject(new Error("it was asked")) },
      defaultLimits: {},
      now: () => new Date(),
    });
    await expect(authenticate(key)).rejects.toMatchObject({ code: "unauthorized" });
  },
);
