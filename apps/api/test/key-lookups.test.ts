import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { countQueries } from "./support/count-queries.ts";
import { changeJob, openRaw } from "./support/events.ts";
import { insertJob } from "./support/rows.ts";
import { startTestApi, type TestApi } from "./support/test-api.ts";
import { until } from "./support/until.ts";
import { countWaiting } from "./support/waiting.ts";

const CLIENTS = 50;

const waiting = countWaiting();
const lookups = countQueries(/from "api_keys"/);
let api: TestApi;
beforeAll(async () => {
  api = await startTestApi({
    ...waiting.overrides,
    openDatabase: lookups.open,
    dispatcher: { maxRunsInFlight: 0 },
  });
});
afterAll(() => api.stop());

/** Ends a job that all clients wait for, with a key that was last looked up a while ago. */
async function endJob(id: string): Promise<number> {
  await waiting.reaches(CLIENTS);
  api.advance(1001);
  const before = lookups.count;
  await changeJob(api, id, { status: "canceled", finishedAt: new Date() });
  return before;
}

test(`${CLIENTS} long polls that end at once do not look the key up for each`, async () => {
  const { id } = await insertJob(api);
  const polls = Array.from({ length: CLIENTS }, () => api.rest("GET", `/v1/jobs/${id}?wait=30`));
  const before = await endJob(id);
  for (const { status, body } of await Promise.all(polls))
    expect([status, body.status]).toEqual([200, "canceled"]);
  expect(lookups.count).toBeGreaterThan(before);
  expect(lookups.count).toBeLessThan(before + CLIENTS / 5);
});

test(`${CLIENTS} streams that get an event at once do not look the key up for each`, async () => {
  const { id } = await insertJob(api);
  const streams: Awaited<ReturnType<typeof openRaw>>[] = [];
  for (let i = 0; i < CLIENTS; i++) {
    const stream = await openRaw(api, `/v1/jobs/${id}/events`);
    onTestFinished(() => stream.leave());
    stream.read();
    streams.push(stream);
  }
  const before = await endJob(id);
  await until("all have ended", () => streams.every(({ text }) => text.includes('"canceled"')));
  expect(lookups.count).toBeGreaterThan(before);
  expect(lookups.count).toBeLessThan(before + CLIENTS / 5);
});
