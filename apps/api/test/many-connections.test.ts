import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { connect, type Socket } from "node:net";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { startChildApi } from "./support/child-api.ts";
import { isProof } from "./support/seeded-random.ts";
import { startTestApi, TEST_KEY } from "./support/test-api.ts";
import { createTestDatabase, type TestDatabase } from "./support/test-database.ts";
import { until } from "./support/until.ts";

const CONNECTIONS = 1024;
const ROUNDS = isProof ? 50 : 3;

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase();
  onTestFinished(() => database.remove());
});

const REQUESTS = [
  ["GET", "/v1/jobs", ""],
  ["GET", "/v1/limits", ""],
  ["POST", "/v1/uploads", '{"contentType":"image/png","bytes":1000}'],
  ["GET", "/trpc/jobs.list?input=%7B%7D", ""],
] as const;

const HEALTH = ["GET", "/healthz", ""] as const;
type Request = (typeof REQUESTS)[number] | typeof HEALTH;

/** One request on a connection of its own. @returns the status; `?` where a 503 does not say when to come again */
async function ask(socket: Socket, [method, path, body]: Request): Promise<string> {
  const head = [
    `${method} ${path} HTTP/1.1`,
    "host: a",
    `authorization: Bearer ${TEST_KEY}`,
    "content-type: application/json",
    `content-length: ${body.length}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  let answer = "";
  for (;;) {
    const [chunk] = await once(socket, "data");
    answer += chunk;
    const [headers = "", content] = answer.split("\r\n\r\n");
    const status = /^HTTP\/1.1 (\d+)/.exec(headers)?.[1];
    const length = Number(/content-length: (\d+)/i.exec(headers)?.[1]);
    if (content === undefined || Buffer.byteLength(content) < length) continue;
    return `${status}${status === "503" && !/retry-after: 1\r\n/i.test(headers) ? "?" : ""}`;
  }
}

/** @returns the connections, once they are all there */
function openConnections({ url }: { url: string }): Promise<Socket[]> {
  const sockets = Array.from({ length: CONNECTIONS }, () => connect(Number(new URL(url).port), "127.0.0.1"));
  onTestFinished(() => sockets.forEach((socket) => void socket.destroy()));
  return Promise.all(sockets.map((socket) => once(socket, "connect").then(() => socket)));
}

/** @returns how often each status came. A connection that breaks is an error. */
async function hammer(sockets: Socket[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  const all = sockets.map(async (socket, index) => {
    for (let round = 0; round < ROUNDS; round++) {
      const request = REQUESTS[(index + round) % REQUESTS.length] ?? REQUESTS[0];
      const status = await ask(socket, request);
      counts[status] = (counts[status] ?? 0) + 1;
    }
  });
  await Promise.all(all);
  return counts;
}

test("P9: of 1,024 connections none is reset, whatever comes of their requests", {
  timeout: 600_000,
}, async () => {
  const api = await startChildApi({ database, child: { engine: "hold", loadLimits: { work: 100 } } });
  const counts = await hammer(await openConnections(api));
  console.log(`${CONNECTIONS} connections, ${ROUNDS} requests each: ${JSON.stringify(counts)}`);
  expect(Object.keys(counts).filter((status) => !["200", "201", "503"].includes(status))).toEqual([]);
  expect((await api.rest("GET", "/v1/jobs")).status).toBe(200);
});

test("P9: 1,024 connections get a 503 with Retry-After while there is too much to do, and are served then", {
  timeout: 600_000,
}, async () => {
  const opened = Promise.withResolvers<never>();
  opened.promise.catch(() => {});
  let opening = 0;
  const openUrl = () => {
    opening++;
    return opened.promise;
  };
  const api = await startTestApi({ database, loadLimits: { work: 1 }, openUrl });
  onTestFinished(() => api.stop());
  const urls = { image: "https://example.com/a.png", audio: "https://example.com/a.wav" };
  const held = api.rest("POST", "/v1/jobs", urls);
  await until("it is at work", () => opening === 2);
  const sockets = await openConnections(api);
  expect(await hammer(sockets)).toEqual({ "503": CONNECTIONS * ROUNDS });
  opened.reject(new Error("there is no such server"));
  await held;
  expect(await Promise.all(sockets.map((socket) => ask(socket, HEALTH)))).toEqual(sockets.map(() => "200"));
  expect((await api.rest("GET", "/v1/jobs")).status).toBe(200);
});

const SOMAXCONN = "/proc/sys/net/core/somaxconn";
const kernelAllows = existsSync(SOMAXCONN) && Number(readFileSync(SOMAXCONN, "utf8")) >= CONNECTIONS;
if (!kernelAllows)
  console.warn("SKIPPED: this kernel takes fewer connections than a busy server may have waiting");

test.runIf(kernelAllows)("P9: 1,024 connections wait for a server that is busy", async () => {
  const api = await startChildApi({ database, child: { engine: "hold" } });
  process.kill(api.pid, "SIGSTOP");
  const sockets = await openConnections(api);
  process.kill(api.pid, "SIGCONT");
  const statuses = await Promise.all(sockets.map((socket) => ask(socket, HEALTH)));
  expect(new Set(statuses)).toEqual(new Set(["200"]));
});
