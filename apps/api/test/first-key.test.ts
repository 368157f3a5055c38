import { withChecksum } from "@avatar/contract/api-keys";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createApiKeyRepository } from "../src/api-keys/api-key-repository.ts";
import { createApiKeyService } from "../src/api-keys/api-key-service.ts";
import { apiKeys } from "../src/db/schema/schema.ts";
import { newId } from "../src/ids.ts";
import { StartError } from "../src/start-error.ts";
import { createKeyEvents } from "../src/telemetry/events.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
beforeEach(() => api.db.delete(apiKeys));
afterAll(() => api.stop());

const logs: string[] = [];
const log = createLogger("warn", { write: (line) => void logs.push(line) });
const service = () =>
  createApiKeyService({
    apiKeys: createApiKeyRepository(api.db),
    defaultLimits: {},
    now: () => new Date(),
    newId,
    events: createKeyEvents(log),
    log,
  });
const KEY_OF_CUSTOMER = {
  ...{ owner: "owner_a", name: "a customer's", mode: "live" as const },
  ...{ scopes: ["generate" as const], limits: {} },
};
const statusWith = async (key: string | undefined) =>
  (await api.rest("GET", "/v1/jobs", undefined, { authorization: `Bearer ${key}` })).status;

test("a server without keys makes one, which works", async () => {
  const key = await service().makeFirst();
  expect(key).toMatch(/^avk_live_[0-9A-Za-z]{40}$/);
  expect(await statusWith(key)).toBe(200);
});

test("a server that has a key makes none", async () => {
  await service().makeFirst();
  expect(await service().makeFirst()).toBeUndefined();
  expect(await api.db.$count(apiKeys)).toBe(1);
});

test("a configured key works, is not shown, and is stored once, but not in the clear", async () => {
  const configured = withChecksum(`avk_live_${"C".repeat(34)}`);
  await service().accept(configured);
  await service().accept(configured);
  expect(await service().makeFirst()).toBeUndefined();
  expect(await statusWith(configured)).toBe(200);
  const rows = await api.db.select().from(apiKeys);
  expect(rows).toHaveLength(1);
  expect(JSON.stringify(rows)).not.toContain(configured);
});

test.each(["rotated", "rotated twice", "revoked"])(
  "a configured key that was %s does not come back",
  async (how) => {
    const configured = withChecksum(`avk_live_${"B".repeat(34)}`);
    await service().accept(configured);
    const [row] = await api.db.select().from(apiKeys);
    const id = row?.id ?? "";
    logs.length = 0;
    if (how === "revoked") await service().revoke("cli", id);
    else await service().rotate("cli", { id, overlapSeconds: 0 });
    if (how === "rotated twice") await service().rotate("cli", { id, overlapSeconds: 0 });

    await service().accept(configured); // As the next start does it.
    expect(await statusWith(configured)).toBe(401);
    expect(await api.db.$count(apiKeys)).toBe(1);
    expect(logs).toEqual([expect.stringContaining("BOOTSTRAP_API_KEY lets nobody in")]);
    expect(logs.join()).not.toContain(configured);
  },
);

test.each(["as it is", "after its rotation"])(
  "a key that was made in another way is not configured as well, %s",
  async (when) => {
    const { id, key } = await service().create("cli", KEY_OF_CUSTOMER);
    if (when !== "as it is") await service().rotate("cli", { id, overlapSeconds: 0 });
    const accepted = service().accept(key);
    await expect(accepted).rejects.toThrow(StartError);
    await expect(accepted).rejects.toThrow(`BOOTSTRAP_API_KEY is the key ${id}`);
    await expect(accepted).rejects.not.toThrow(key);
    expect(await api.db.$count(apiKeys)).toBe(1);
  },
);
