import { eq } from "drizzle-orm";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { apiKeys } from "../src/db/schema/schema.ts";
import { changeJob, openSubscription } from "./support/events.ts";
import { createRest } from "./support/rest.ts";
import { insertJob, insertKey } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { countWaiting } from "./support/waiting.ts";

const waiting = countWaiting();
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ ...waiting.overrides, dispatcher: { maxRunsInFlight: 0 } });
});
afterAll(() => api.stop());

/** A job that a key waits for, which is then revoked before the job changes. */
async function whileWaited(owner: string) {
  const { id } = await insertJob(api, { owner });
  return {
    id,
    key: await insertKey(api, owner),
    async changeRevoked(): Promise<void> {
      await waiting.reaches(1);
      await api.db.update(apiKeys).set({ revokedAt: new Date() }).where(eq(apiKeys.owner, owner));
      api.advance(1001);
      await changeJob(api, id, { status: "running", prompt: "what nobody may see any more" });
    },
  };
}

test("a long-poll whose key is revoked meanwhile ends with the 401 of any request", async () => {
  const { id, key, changeRevoked } = await whileWaited("owner_poll");
  const poll = createRest(api.url, key)("GET", `/v1/jobs/${id}?wait=30`);
  await changeRevoked();
  const { status, body } = await poll;
  expect([status, body.code]).toEqual([401, "unauthorized"]);
});

test("server-sent events end before the first that a revoked key would see", async () => {
  const { id, key, changeRevoked } = await whileWaited("owner_sse");
  const stream = await fetch(`${api.url}/v1/jobs/${id}/events`, { headers: { "x-api-key": key } });
  await changeRevoked();
  const text = await stream.text();
  expect(text).toContain('"status":"queued"');
  expect(text).not.toContain("what nobody may see");
});

test("a subscription ends before the first state that a revoked key would see", async () => {
  const { id, key, changeRevoked } = await whileWaited("owner_trpc");
  const watch = openSubscription({ url: api.url, apiKey: key }, { id });
  onTestFinished(watch.unsubscribe);
  await changeRevoked();
  await expect(watch.ended).rejects.toMatchObject({ data: { code: "unauthorized" } });
  expect(watch.events.map((event) => event.id)).toEqual(["1"]);
});

test("a long-poll whose key loses the scope meanwhile ends with the 403 of any request", async () => {
  const { id, key } = await whileWaited("owner_scope");
  const poll = createRest(api.url, key)("GET", `/v1/jobs/${id}?wait=30`);
  await waiting.reaches(1);
  await api.db
    .update(apiKeys)
    .set({ scopes: ["generate"] })
    .where(eq(apiKeys.owner, "owner_scope"));
  api.advance(1001);
  await changeJob(api, id, { status: "running" });
  const { status, body } = await poll;
  expect([status, body.code]).toEqual([403, "insufficient_scope"]);
});
