import { beforeEach, expect, onTestFinished, test } from "vitest";
import { startChildApi } from "../support/child-api.ts";
import { type KeyInUse, makeChild, makeKey, revokeKey, rotateKey } from "../support/keys.ts";
import { createRest } from "../support/rest.ts";
import { startTestApi, type TestApi } from "../support/test-api.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { until } from "../support/until.ts";

const REMEMBERED_MS = 1000;

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase("postgres");
  onTestFinished(database.remove); // At last: what was opened later is closed before.
});

type Replica = Pick<TestApi, "url" | "rest">;

/** How a key ends. @returns the key, and what ends it */
const ENDS: Record<string, (replica: Replica) => Promise<[KeyInUse, () => Promise<unknown>]>> = {
  async "a revoked key"(replica) {
    const key = await makeKey(replica);
    return [key, () => revokeKey(replica, key.id)];
  },
  async "a key that was rotated without an overlap"(replica) {
    const key = await makeKey(replica);
    return [key, () => rotateKey(replica, key.id, { overlapSeconds: 0 })];
  },
  async "a child key whose parent is revoked"(replica) {
    const parent = await makeKey(replica);
    return [await makeChild(replica, parent), () => revokeKey(replica, parent.id)];
  },
};

const statusAt = async ({ url }: Replica, { key }: KeyInUse) =>
  (await createRest(url, key)("GET", "/v1/limits")).status;

test.each(Object.entries(ENDS))("%s is refused in both replicas within 1 s", async (_what, make) => {
  const child = { dispatcher: { maxRunsInFlight: 0 } };
  const replicas = await Promise.all([
    startChildApi({ database, child }),
    startChildApi({ database, child }),
  ]);
  const [first] = replicas;
  if (!first) throw new Error("no replica");
  const [key, end] = await make(first);
  // Both remember it.
  for (const replica of replicas) expect(await statusAt(replica, key)).toBe(200);

  await end();
  const endedAt = Date.now();
  let lastLetInAt = endedAt;
  const untilRefused = (replica: Replica) =>
    until("it is refused", async () => {
      const askedAt = Date.now();
      const status = await statusAt(replica, key);
      if (status === 200) lastLetInAt = Math.max(lastLetInAt, askedAt);
      return status === 401;
    });
  await Promise.all(replicas.map(untilRefused));
  // However slow this machine is: no request is let in that began later.
  expect(lastLetInAt - endedAt).toBeLessThanOrEqual(REMEMBERED_MS);
  for (const replica of replicas) expect(await statusAt(replica, key), "and never again").toBe(401);
});

test.each(Object.entries(ENDS))(
  "%s is remembered for 1 s by the servers' clock, and no longer",
  async (_what, make) => {
    const startedAt = Date.now();
    const now = () => new Date(startedAt + database.clock.aheadMs);
    const replicas: TestApi[] = [];
    for (let i = 0; i < 2; i++) {
      const replica = await startTestApi({ database, now, dispatcher: { maxRunsInFlight: 0 } });
      onTestFinished(() => replica.stop());
      replicas.push(replica);
    }
    const [first] = replicas;
    if (!first) throw new Error("no replica");
    const [key, end] = await make(first);
    const statuses = () => Promise.all(replicas.map((replica) => statusAt(replica, key)));
    expect(await statuses()).toEqual([200, 200]);
    await end();
    first.advance(REMEMBERED_MS - 1);
    expect(await statuses()).toEqual([200, 200]);
    first.advance(1);
    expect(await statuses()).toEqual([401, 401]);
  },
);
