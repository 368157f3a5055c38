import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { jobs } from "../src/db/schema/schema.ts";
import { countQueries } from "./support/count-queries.ts";
import { changeJob } from "./support/events.ts";
import { aJobInput } from "./support/refusals.ts";
import { insertJob } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";

const looks = countQueries(/"of_owner"/);
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({ openDatabase: looks.open, dispatcher: { maxRunsInFlight: 0 } });
});
beforeEach(() => api.db.delete(jobs));
afterAll(() => api.stop());

const WAITING = { deadlineAt: new Date(Date.now() + 3_600_000) };
const create = async (): Promise<string> =>
  (await api.rest("POST", "/v1/jobs", await aJobInput(api))).body.id;
const positionOf = async (id: string) => (await api.rest("GET", `/v1/jobs/${id}`)).body.position;

test("a page of jobs that are new does not look at the queue for each of them", async () => {
  expect(await positionOf((await insertJob(api, WAITING)).id)).toBe(1);
  for (let i = 0; i < 50; i++) await insertJob(api, WAITING);
  const before = looks.count;
  const { body } = await api.rest("GET", "/v1/jobs?limit=100");
  const positions = body.items.map((item: { position: number }) => item.position);
  expect(positions.toSorted((a: number, b: number) => a - b)).toEqual(
    positions.map((_: number, i: number) => i + 1),
  );
  expect(looks.count).toBeGreaterThan(before);
  expect(looks.count).toBeLessThanOrEqual(before + 2);
});

test("who made or canceled a job finds that in what is told next", async () => {
  const input = await aJobInput(api);
  const estimated = async () => (await api.rest("POST", "/v1/estimate", input)).body.position;
  expect(await estimated()).toBe(1);
  const [first, second] = [await create(), await create()];
  expect(await estimated()).toBe(3);
  expect(await positionOf(second)).toBe(2);
  await api.rest("POST", `/v1/jobs/${first}/cancel`);
  expect(await positionOf(second)).toBe(1);
});

test("what another replica did shows once it is announced", async () => {
  // Made within one millisecond, their order would be up to their ids.
  const first = await insertJob(api, { ...WAITING, runAfter: new Date(Date.now() + 1_000_000) });
  const second = await insertJob(api, WAITING);
  expect(await positionOf(second.id)).toBe(2);
  await changeJob(api, first.id, { status: "canceled", finishedAt: new Date(), deadlineAt: null });
  await until("it has moved up", async () => (await positionOf(second.id)) === 1);
});
