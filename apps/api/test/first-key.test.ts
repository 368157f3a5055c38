import { withChecksum } from "@avatar/contract/api-keys";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { createApiKeyRepository } from "../src/api-keys/api-key-repository.ts";
import { createApiKeyService } from "../src/api-keys/api-key-service.ts";
import { apiKeys } from "../src/db/schema/schema.ts";
import { newId } from "../src/ids.ts";
import { createKeyEvents } from "../src/telemetry/events.ts";
import { createLogger } from "../src/telemetry/logger.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
beforeEach(() => api.db.delete(apiKeys));
afterAll(() => api.stop());

const log = createLogger("silent");
const service = () =>
  createApiKeyService({
    apiKeys: createApiKeyRepository(api.db),
    defaultLimits: {},
    now: () => new Date(),
    newId,
    events: createKeyEvents(log),
    log,
  });
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
