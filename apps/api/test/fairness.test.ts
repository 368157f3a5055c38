import { afterEach, expect, test } from "vitest";
import { uploadFixtures } from "./support/fixtures.ts";
import { queueJob } from "./support/queue.ts";
import { createRest } from "./support/rest.ts";
import { insertKey } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";

let api: TestApi;
afterEach(() => api.stop());

const OWNERS = { owner_big: 30, owner_medium: 15, owner_small: 5 };

test("F13: fifty generates at once all succeed, each owner's in order", async () => {
  api = await startTestApi({ config: { maxRunsInFlight: 2 } });
  // Nobody waits in order while others are still being accepted, so both slots are taken until all are.
  const release = Promise.withResolvers<void>();
  api.engine.scripts = [{ hold: release.promise }, { hold: release.promise }];
  const blockers = [await queueJob(api), await queueJob(api)];
  await until("both slots are taken", () => api.engine.started.length === blockers.length);
  const requests = await Promise.all(
    Object.entries(OWNERS).map(async ([owner, count]) => {
      const rest = createRest(api.url, await insertKey(api, owner));
      const inputs = await uploadFixtures(rest);
      return Array.from({ length: count }, () => ({ owner, rest, inputs }));
    }),
  );

  const created = await Promise.all(
    requests.flat().map(async ({ owner, rest, inputs }) => {
      const answer = await rest("POST", "/v1/jobs", inputs);
      expect(answer.status).toBe(202);
      return { owner, rest, id: answer.body.id, createdAt: answer.body.createdAt };
    }),
  );
  release.resolve();
  const done = await Promise.all(
    created.map(({ id, rest }) => rest("GET", `/v1/jobs/${id}?wait=30&after=99`)),
  );

  expect(done.map((answer) => answer.body.status)).toEqual(created.map(() => "succeeded"));
  const startedIds = api.engine.started.slice(blockers.length).map((run) => run.jobId);
  expect(startedIds).toHaveLength(created.length);
  for (const owner of Object.keys(OWNERS)) {
    const own = created.filter((job) => job.owner === owner);
    const startedAts = startedIds.flatMap((id) => own.find((job) => job.id === id)?.createdAt ?? []);
    expect(startedAts).toEqual(startedAts.toSorted());
  }
});

test.for([1, 2])("F13: on %i slots, owners take turns however much one has queued", async (slots) => {
  api = await startTestApi({ config: { maxRunsInFlight: slots } });
  const release = Promise.withResolvers<void>();
  api.engine.scripts = Array.from({ length: slots }, () => ({ hold: release.promise }));
  const ownerOf = new Map<string, string>();
  for (const [owner, count] of Object.entries(OWNERS))
    for (let i = 0; i < count; i++) ownerOf.set((await queueJob(api, { owner })).id, owner);
  await until("all slots are taken", () => api.engine.started.length === slots);

  release.resolve();
  await until("all are rendered", () => api.engine.completed.length === ownerOf.size);

  const owners = api.engine.started.map((run) => ownerOf.get(run.jobId));
  const turns = owners.slice(slots, slots + 12);
  for (const owner of Object.keys(OWNERS))
    expect(
      turns.filter((each) => each === owner).length,
      `turns of ${owner}: ${turns}`,
    ).toBeGreaterThanOrEqual(3);
});
