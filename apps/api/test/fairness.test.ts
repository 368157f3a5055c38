import { afterEach, expect, test } from "vitest";
import { uploadFixtures } from "./support/fixtures.ts";
import { queueJob } from "./support/queue.ts";
import { createRest } from "./support/rest.ts";
import { insertKey } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";

let api: TestApi;
afterEach(() => api.stop());

/** Leases are long: on a busy machine none runs out, so every job is begun once. */
const start = async (slots: number) => {
  api = await startTestApi({ config: { maxRunsInFlight: slots }, dispatcher: { leaseMs: 60_000 } });
};

/** Keys, each with the owner it is of and how many jobs it queues. */
const QUEUES = {
  "three owners": {
    big: ["owner_1", 30],
    medium: ["owner_2", 15],
    small: ["owner_3", 5],
  },
  "one owner": {
    big: ["owner_1", 30],
    medium: ["owner_1", 15],
    small: ["owner_1", 5],
  },
} as const;
type Of = keyof typeof QUEUES;
const OWNERS: Of[] = ["three owners", "one owner"];

test.for(OWNERS)(
  "F13: fifty generates at once over three keys of %s all succeed, each key's in order",
  { timeout: 90_000 },
  async (of) => {
    await start(2);
    // Nobody waits in order while others are still being accepted, so both slots are taken until all are.
    const release = Promise.withResolvers<void>();
    api.engine.scripts = [{ hold: release.promise }, { hold: release.promise }];
    const blockers = [await queueJob(api), await queueJob(api)];
    await until("both slots are taken", () => api.engine.started.length === blockers.length);
    const requests = await Promise.all(
      Object.entries(QUEUES[of]).map(async ([key, [owner, count]]) => {
        const rest = createRest(api.url, await insertKey(api, owner));
        const inputs = await uploadFixtures(rest);
        return Array.from({ length: count }, () => ({ key, rest, inputs }));
      }),
    );

    const created = await Promise.all(
      requests.flat().map(async ({ key, rest, inputs }) => {
        const answer = await rest("POST", "/v1/jobs", inputs);
        expect(answer.status).toBe(202);
        return { key, rest, id: answer.body.id, createdAt: answer.body.createdAt };
      }),
    );
    release.resolve();
    const done = await Promise.all(
      created.map(({ id, rest }) => rest("GET", `/v1/jobs/${id}?wait=30&after=99`)),
    );

    expect(done.map((answer) => answer.body.status)).toEqual(created.map(() => "succeeded"));
    const startedIds = api.engine.started.slice(blockers.length).map((run) => run.jobId);
    expect(startedIds).toHaveLength(created.length);
    for (const key of Object.keys(QUEUES[of])) {
      const own = created.filter((job) => job.key === key);
      const startedAts = startedIds.flatMap((id) => own.find((job) => job.id === id)?.createdAt ?? []);
      expect(startedAts).toEqual(startedAts.toSorted());
    }
  },
);

const TURNS = 12;

/** Queues so many jobs of each key, one key after the other. @returns whose jobs were begun, in order */
async function turnsOf(slots: number, queues: Record<string, readonly [owner: string, count: number]>) {
  await start(slots);
  const release = Promise.withResolvers<void>();
  api.engine.scripts = Array.from({ length: slots }, () => ({ hold: release.promise }));
  const keyOf = new Map<string, string>();
  for (const [key, [owner, count]] of Object.entries(queues))
    for (let i = 0; i < count; i++) keyOf.set((await queueJob(api, { owner, keyId: key })).id, key);
  await until("all slots are taken", () => api.engine.started.length === slots);

  release.resolve();
  await until("enough were begun", () => api.engine.started.length >= slots + TURNS);
  return api.engine.started.map((run) => keyOf.get(run.jobId)).slice(slots, slots + TURNS);
}

test.for([
  [1, "three owners"],
  [2, "three owners"],
  [1, "one owner"],
  [2, "one owner"],
] as const)(
  "F13: on %i slots, keys of %s take turns however much one has queued",
  { timeout: 60_000 },
  async ([slots, of]) => {
    const turns = await turnsOf(slots, QUEUES[of]);
    for (const key of Object.keys(QUEUES[of]))
      expect(turns.filter((each) => each === key).length, `turns of ${key}: ${turns}`).toBeGreaterThanOrEqual(
        3,
      );
  },
);

test("F13: an owner with many keys gets no more turns than one with a single key", async () => {
  const many = Array.from({ length: 8 }, (_, index) => [`many_${index}`, ["owner_1", 2]] as const);
  const turns = await turnsOf(1, { ...Object.fromEntries(many), single: ["owner_2", 8] });
  const single = turns.filter((key) => key === "single");
  expect(single.length, `${turns}`).toBeGreaterThanOrEqual(5);
}, 60_000);
