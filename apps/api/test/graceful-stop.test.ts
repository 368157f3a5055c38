import { once } from "node:events";
import { type ClientRequest, type IncomingMessage, request } from "node:http";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { type ChildApi, startChildApi } from "./support/child-api.ts";
import { PORTRAIT, uploadFixtures } from "./support/fixtures.ts";
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

test("F10: SIGTERM lets requests finish, gives the run back and leaves nothing open; the next start goes on", async () => {
  const stopping = await startChildApi({ database, child: { engine: "hold" } });
  const { image, audio } = await uploadFixtures(stopping.rest);
  const { body: job } = await stopping.rest("POST", "/v1/jobs", { image, audio });
  const { version } = await untilRunning(stopping, job.id);
  const poll = stopping.rest("GET", `/v1/jobs/${job.id}?wait=30&after=${version}`);
  const upload = await beginUpload(stopping);

  const exited = stopping.terminate();
  await until("it takes no more connections", () =>
    fetch(new URL("/healthz", stopping.url), { headers: { connection: "close" } }).then(
      () => false,
      () => true,
    ),
  );
  const answered = once(upload.put, "response") as Promise<[IncomingMessage]>;
  upload.put.end(upload.rest);

  expect((await poll).body).toMatchObject({ id: job.id, status: "running", version });
  const [answer] = await answered;
  expect(answer.statusCode).toBe(200);
  answer.resume();
  expect(await exited).toEqual({ code: 0, signal: null });

  const next = await startChildApi({ database, child: { engine: "succeed" } });
  const done = await next.rest("GET", `/v1/jobs/${job.id}?wait=30&after=9999`);
  expect(done.body).toMatchObject({ id: job.id, status: "succeeded" });
  const another = await next.rest("POST", "/v1/jobs", { image: upload.id, audio });
  expect(another.status).toBe(202);
  expect(await next.terminate()).toEqual({ code: 0, signal: null });
});
