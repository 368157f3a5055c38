import { request } from "node:http";
import postgres from "postgres";
import { afterAll, beforeAll, expect, test } from "vitest";
import { insertJob } from "../support/rows.ts";
import { serverSockets } from "../support/server-sockets.ts";
import { startTestApi, type TestApi } from "../support/test-api.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { until } from "../support/until.ts";
import { countWaiting } from "../support/waiting.ts";

const waiting = countWaiting();
let database: TestDatabase;
let api: TestApi;
let other: postgres.Sql;
beforeAll(async () => {
  database = await createTestDatabase();
  api = await startTestApi({ ...waiting.overrides, database, dispatcher: { maxRunsInFlight: 0 } });
  if (!("url" in database.config)) throw new Error("this needs a Postgres server");
  other = postgres(database.config.url, { max: 1, onnotice: () => {} });
});
afterAll(async () => {
  await other.end();
  await api.stop();
  await database.remove();
});

/** A client that leaves while its key is still looked up. When this resolves, the server knows, and goes on. */
async function leaveEarly(path: string): Promise<void> {
  const sockets = serverSockets(path);
  api.advance(1001); // The key is looked up in the database.
  await other.begin(async (sql) => {
    await sql`lock table api_keys in access exclusive mode`;
    const left = request(new URL(path, api.url), {
      headers: { authorization: `Bearer ${api.apiKey}` },
      agent: false,
    }).on("error", () => {});
    left.end();
    const [socket] = await until("the server has it", () => sockets.size === 1 && [...sockets]);
    left.destroy();
    await until("the server knows that it has left", () => socket?.closed);
  });
}

test.each([
  ["a long poll", (id: string) => `/v1/jobs/${id}?wait=30`],
  ["a stream of events", (id: string) => `/v1/jobs/${id}/events`],
])("nothing waits for the client of %s that left while its key was looked up", async (_what, pathOf) => {
  const { id } = await insertJob(api);
  const before = waiting.begun;
  await leaveEarly(pathOf(id));
  await until("it has got so far", () => waiting.begun > before);
  await waiting.isOver();
});

test.each([
  ["a query that waits", (id: string) => `/trpc/jobs.get?input={%22id%22:%22${id}%22,%22wait%22:30}`],
  ["a subscription", (id: string) => `/trpc/jobs.watch?input={%22id%22:%22${id}%22}`],
])("%s through tRPC is not begun for a client that left", async (_what, pathOf) => {
  const { id } = await insertJob(api);
  const [before, logged] = [waiting.begun, api.logs.length];
  await leaveEarly(pathOf(id));
  await until("it was given up", () => api.logs.slice(logged).some((line) => line.includes("invalid_input")));
  expect(waiting.begun).toBe(before);
});
