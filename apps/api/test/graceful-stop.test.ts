import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { type ChildApi, startChildApi } from "./support/child-api.ts";
import { openEventSource, openRaw, openSubscription } from "./support/events.ts";
import { PORTRAIT, uploadFixtures } from "./support/fixtures.ts";
import { freePort } from "./support/postgres-server.ts";
import { TEST_KEY } from "./support/test-api.ts";
import { createTestDatabase, type TestDatabase } from "./support/test-database.ts";
import { until } from "./support/until.ts";

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
  onTestFinished(() => database.remove());
});

const untilRunning = (api: ChildApi, id: string) =>
  until("the job runs", async () => {
    const { body } = await api.rest("GET", `/v1/jobs/${id}`);
    return body.status === "running" && body;
  });

/** Sends all but the last bytes of an upload. */
async function beginUpload(api: ChildApi): Promise<{ id: string; put: ClientRequest; rest: Buffer }> {
  const bytes = PORTRAIT.length;
  const { body } = await api.rest("POST", "/v1/uploads", { contentType: "image/png", bytes });
  const put = request(body.url, { method: "PUT", headers: { ...body.headers, "content-length": bytes } });
  const half = Math.floor(bytes / 2);
  await new Promise((sent) => put.write(PORTRAIT.subarray(0, half), sent));
  return { id: body.id, put, rest: PORTRAIT.subarray(half) };
}

/** Clients that come again by themselves, and two that only look at how the stream ends. */
async function openStreams(server: { url: string; apiKey: string }, id: string) {
  const input = encodeURIComponent(JSON.stringify({ id }));
  const raw = [
    await openRaw(server, `/v1/jobs/${id}/events`),
    await openRaw(server, `/trpc/jobs.watch?input=${input}`),
  ];
  for (const stream of raw) stream.read();
  const source = openEventSource(server, `/v1/jobs/${id}/events`);
  const subscription = openSubscription(server, { id });
  onTestFinished(() => {
    source.close();
    subscription.unsubscribe();
  });
  await until("all were told something", () =>
    [...raw.map((each) => each.ids()), source.events, subscription.events].every(
      (events) => events.length > 0,
    ),
  );
  return {
    raw,
    /** Both clients have seen the job through, no state twice. */
    async ended() {
      await subscription.ended;
      await until("the EventSource was told to stop", () => source.isClosed);
      const seen = [source.events.map(({ job }) => job), subscription.events.map(({ data }) => data)];
      for (const jobs of seen) {
        const versions = jobs.map(({ version }) => version);
        expect(versions).toEqual([...new Set(versions)].toSorted((a, b) => a - b));
        expect(jobs.map(({ status }) => status)).toContain("running");
        expect(jobs.at(-1)?.status).toBe("succeeded");
      }
    },
  };
}

test("F10: SIGTERM lets requests finish, ends streams, gives the run back and leaves nothing open; the next start goes on", async () => {
  const env = { PORT: String(await freePort()) };
  const stopping = await startChildApi({ database, child: { engine: "hold" }, env });
  const server = { url: stopping.url, apiKey: TEST_KEY };
  const { image, audio } = await uploadFixtures(stopping.rest);
  const { body: job } = await stopping.rest("POST", "/v1/jobs", { image, audio });
  const { version } = await untilRunning(stopping, job.id);
  const poll = stopping.rest("GET", `/v1/jobs/${job.id}?wait=30&after=${version}`);
  const streams = await openStreams(server, job.id);
  const upload = await beginUpload(stopping);

  const exited = stopping.terminate();
  await until("it takes no more connections", () =>
    fetch(new URL("/healthz", stopping.url), { headers: { connection: "close" } }).then(
      () => false,
      () => true,
    ),
  );
  for (const raw of streams.raw) {
    expect(await raw.ended).toBe(true);
    // Not by force, which the upload would not survive.
    await until("the connection is closed", () => raw.socket.destroyed);
  }
  const answered = once(upload.put, "response") as Promise<[IncomingMessage]>;
  upload.put.end(upload.rest);

  expect((await poll).body).toMatchObject({ id: job.id, status: "running", version });
  const [answer] = await answered;
  expect(answer.statusCode).toBe(200);
  answer.resume();
  expect(await exited).toEqual({ code: 0, signal: null });

  const next = await startChildApi({ database, child: { engine: "succeed" }, env });
  const done = await next.rest("GET", `/v1/jobs/${job.id}?wait=30&after=9999`);
  expect(done.body).toMatchObject({ id: job.id, status: "succeeded" });
  await streams.ended();
  const another = await next.rest("POST", "/v1/jobs", { image: upload.id, audio });
  expect(another.status).toBe(202);
  expect(await next.terminate()).toEqual({ code: 0, signal: null });
});
