import { once } from "node:events";
import { connect } from "node:net";
import { expect, test } from "vitest";
import { throughRest } from "./support/doors.ts";
import { insertJob } from "./support/rows.ts";
import { startTestApi } from "./support/test-api.ts";
import { countWaiting } from "./support/waiting.ts";

// Connections are kept alive for longer than these tests may take.
test("a wait is answered when the server stops, and its connection closed", async () => {
  const waiting = countWaiting();
  const api = await startTestApi({ ...waiting.overrides, dispatcher: { maxRunsInFlight: 0 } });
  const { id } = await insertJob(api);
  const answer = throughRest(api, "jobs.get", { input: { id, wait: 30 } });
  await waiting.reaches(1);
  await api.stop();
  expect((await answer).body).toMatchObject({ id, status: "queued" });
});

test.each([
  ["never sends a request", ""],
  ["never finishes its headers", "GET /v1/jobs HTTP/1.1\r\n"],
])("a connection that %s does not keep the server from stopping", async (_what, sent) => {
  const api = await startTestApi();
  const socket = connect(Number(new URL(api.url).port), "127.0.0.1");
  await once(socket, "connect");
  socket.write(sent);
  await api.rest("GET", "/healthz"); // By now the server knows the connection.
  const closed = once(socket, "close");
  await api.stop();
  await closed;
});
