import { existsSync } from "node:fs";
import { join } from "node:path";
import { keyModeOf } from "@avatar/contract/api-keys";
import postgres from "postgres";
import { beforeEach, describe, expect, onTestFinished, test } from "vitest";
import { hashKey } from "../src/api-keys/generate-key.ts";
import { runKeys } from "../src/cli/run-keys.ts";
import { runMigrate } from "../src/cli/run-migrate.ts";
import { openDatabase } from "../src/db/client.ts";
import { apiKeys, auditEvents } from "../src/db/schema/schema.ts";
import { createRest } from "./support/rest.ts";
import { startTestApi } from "./support/test-api.ts";
import { createTestDatabase, databaseKind, type TestDatabase } from "./support/test-database.ts";

const NOW = new Date("2026-11-25T12:00:00Z");

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
  onTestFinished(() => database.remove());
});

const env = () =>
  "url" in database.config ? { DATABASE_URL: database.config.url } : { DATA_DIR: database.dataDir };

async function run(args: string[], more: Record<string, string> = {}, cli = runKeys) {
  const said: string[] = [];
  const errors: string[] = [];
  const code = await cli({
    args,
    env: { ...env(), ...more },
    say: (text) => said.push(text),
    sayError: (text) => errors.push(text),
    now: () => NOW,
  });
  return { code, text: said.join("\n"), errors: errors.join("\n") };
}

const idIn = (text: string) => /key_[0-9a-f]{32}/.exec(text)?.[0] ?? "";

async function create(...args: string[]) {
  const { code, text, errors } = await run(["create", ...args]);
  expect(code, errors).toBe(0);
  return { key: text, id: idIn(errors), errors };
}

/** Looks into the database while nobody else has it. */
async function stored() {
  const { db, close } = await openDatabase(database.config);
  try {
    return { keys: await db.select().from(apiKeys), audit: await db.select().from(auditEvents) };
  } finally {
    await close();
  }
}

/** Lines of a table as cells. */
const rowsOf = (table: string) => table.split("\n").map((line) => line.split(/ {2,}/));

describe("keys create", () => {
  test("shows a key, alone, this once; and it works", async () => {
    const { key, id, errors } = await create();
    expect(keyModeOf(key)).toBe("live");
    expect(errors).not.toContain(key);
    const { keys, audit } = await stored();
    expect(keys).toMatchObject([
      {
        id,
        owner: "owner_default",
        name: "cli",
        scopes: ["generate", "read"],
        hash: hashKey(key),
        expiresAt: null,
      },
    ]);
    expect(audit).toMatchObject([{ actor: "cli", action: "created", keyId: id, at: NOW }]);

    const api = await startTestApi({ database });
    onTestFinished(() => api.stop());
    expect((await createRest(api.url, key)("GET", "/v1/jobs")).status).toBe(200);
  });

  test("takes all that a key can have", async () => {
    const { key } = await create(
      ...["--owner", "acme", "--name", "web shop", "--mode", "test", "--scopes", "read", "--expires", "90d"],
      ...["--requests-per-minute", "60", "--jobs-in-flight", "3", "--jobs-queued=2"],
      ...["--gpu-seconds-per-day", "0", "--usd-per-day", "1.25", "--usd-per-month", "20"],
    );
    expect(keyModeOf(key)).toBe("test");
    expect((await stored()).keys).toMatchObject([
      {
        owner: "acme",
        name: "web shop",
        mode: "test",
        scopes: ["read"],
        expiresAt: new Date("2027-02-23T12:00:00Z"),
        limits: {
          requestsPerMinute: 60,
          jobsInFlight: 3,
          jobsQueued: 2,
          gpuSecondsPerDay: 0,
          usdPerDay: 1.25,
          usdPerMonth: 20,
        },
      },
    ]);
  });

  test.each([
    ["12h", "2026-11-26T00:00:00.000Z"],
    ["2027-01-31T08:00:00Z", "2027-01-31T08:00:00.000Z"],
  ])("--expires %s", async (expires, time) => {
    await create("--expires", expires);
    expect((await stored()).keys[0]?.expiresAt?.toISOString()).toBe(time);
  });
});

test("keys list shows every key, and only what may be shown", async () => {
  const active = await create("--owner", "acme");
  const ended = await create("--owner", "acme", "--expires", "1h");
  await run(["revoke", (await create("--owner", "other")).id]);
  await run(["rotate", active.id]);
  const { db, close } = await openDatabase(database.config);
  await db.update(apiKeys).set({ createdAt: new Date(0) });
  await close();

  const later = () => new Date(NOW.getTime() + 3_600_000);
  const said: string[] = [];
  const io = { env: env(), say: (text: string) => said.push(text), sayError: () => {}, now: later };
  expect(await runKeys({ args: ["list"], ...io })).toBe(0);
  const [head, ...rows] = rowsOf(said.join("\n"));
  expect(head).toEqual(["id", "owner", "name", "mode", "scopes", "key", "state", "expires", "last used"]);
  expect(rows.map((row) => [row[1], row[6], row[7]]).toSorted()).toEqual([
    ["acme", "expired", "2026-11-25 13:00"],
    ["acme", "rotating", "-"],
    ["other", "revoked", "-"],
  ]);
  expect(said.join()).not.toContain(ended.key);

  expect(rowsOf((await run(["list", "--owner", "acme"])).text)).toHaveLength(3);
});

test("keys list goes over all pages", async () => {
  const { db, close } = await openDatabase(database.config);
  const keys = Array.from({ length: 205 }, (_, i) => ({
    id: `key_${String(i).padStart(32, "0")}`,
    owner: "acme",
    name: `number ${i}`,
    hash: String(i),
    createdAt: new Date(i),
  }));
  await db.insert(apiKeys).values(keys);
  await close();
  const rows = rowsOf((await run(["list"])).text).slice(1);
  expect(rows.map((row) => row[0])).toEqual(keys.map(({ id }) => id).toReversed());
});

test("keys rotate gives a new text, with the overlap that is asked for", async () => {
  const { id, key } = await create();
  const day = await run(["rotate", id]);
  expect(day.code).toBe(0);
  expect(keyModeOf(day.text)).toBe("live");
  expect(day.text).not.toBe(key);
  const { keys } = await stored();
  expect(keys).toMatchObject([
    { hash: hashKey(day.text), previousHash: hashKey(key), previousUntil: new Date("2026-11-26T12:00:00Z") },
  ]);
  await run(["rotate", id, "--overlap", "90m"]);
  expect((await stored()).keys[0]?.previousUntil).toEqual(new Date("2026-11-25T13:30:00Z"));
  await run(["rotate", id, "--overlap", "0"]);
  expect((await stored()).keys[0]?.previousUntil).toEqual(NOW);
});

test("keys revoke ends a key, and keys audit tells it all", async () => {
  const { id } = await create("--owner", "acme");
  expect(await run(["revoke", id])).toMatchObject({
    code: 0,
    text: expect.stringContaining("2026-11-25T12:00"),
  });
  expect((await stored()).keys[0]?.revokedAt).toEqual(NOW);
  const { text } = await run(["audit"]);
  expect(rowsOf(text).map((row) => row.slice(0, 4))).toEqual([
    ["time", "actor", "action", "key"],
    ["2026-11-25T12:00:00.000Z", "cli", "revoked", id],
    ["2026-11-25T12:00:00.000Z", "cli", "created", id],
  ]);
  expect(rowsOf((await run(["audit", "--limit", "1"])).text)).toHaveLength(2);
});

describe("it fails", () => {
  test.each(["rotate", "revoke"])("with 1 where %s is given a key that does not exist", async (command) => {
    const { code, errors, text } = await run([command, "key_none"]);
    expect([code, text]).toEqual([1, ""]);
    expect(errors).toBe("No such API key. `keys list` shows all keys.");
  });

  test("with 1 where a key that has ended is rotated", async () => {
    const { id } = await create();
    await run(["revoke", id]);
    const { code, errors } = await run(["rotate", id]);
    expect([code, errors]).toEqual([
      1,
      expect.stringMatching(/^A key that has ended.* can no longer be changed/),
    ]);
  });

  test.runIf(databaseKind === "pglite")(
    "with 1 where the server has the database, and says what to do",
    async () => {
      const api = await startTestApi({ database });
      onTestFinished(() => api.stop());
      for (const cli of [runKeys, runMigrate]) {
        const { code, errors } = await run(cli === runKeys ? ["create"] : [], {}, cli);
        expect([code, errors]).toEqual([
          1,
          expect.stringContaining("Another process uses the data directory"),
        ]);
      }
      expect((await run(["create"])).errors).toContain("stop it, or leave it running and use POST /v1/keys");
    },
  );

  test("with 2 where the API would refuse it, too", async () => {
    for (const [args, message] of [
      [["--scopes", "admin", "--mode", "test"], /^--scopes: a test key cannot have admin\n\nUsage:/],
      [["--expires", "2020-01-01T00:00:00Z"], /^--expires: expected a time to come\n\nUsage:/],
    ] as const)
      expect(await run(["create", ...args])).toEqual({
        code: 2,
        text: "",
        errors: expect.stringMatching(message),
      });
    expect((await stored()).keys).toEqual([]);
  });
});

describe("migrate", () => {
  test("brings the schema up to date, and says so each time", async () => {
    const fresh = databaseKind === "pglite" ? { DATA_DIR: join(database.dataDir, "fresh") } : {};
    for (let i = 0; i < 2; i++) {
      const { code, text, errors } = await run([], fresh, runMigrate);
      expect([code, errors]).toEqual([0, ""]);
      expect(text).toMatch(/^The schema of the database .* is up to date\.$/);
      expect(text).not.toMatch(/postgres:/);
    }
    const { config } = database;
    if (!("url" in config)) return expect(existsSync(join(fresh.DATA_DIR ?? "", "pglite"))).toBe(true);
    const sql = postgres(config.url, { max: 1 });
    const tables = await sql`select from pg_tables where tablename = 'api_keys'`;
    await sql.end();
    expect(tables).toHaveLength(1);
  });

  test("takes no arguments, and no wrong configuration", async () => {
    expect(await run(["now"], {}, runMigrate)).toMatchObject({ code: 2, text: "" });
    expect(await run(["--help"], {}, runMigrate)).toMatchObject({ code: 0, errors: "" });
    expect((await run([], { PORT: "many" }, runMigrate)).code).toBe(2);
  });
});
