import type { Socket } from "node:net";
import { join } from "node:path";
import { uploadFixtures } from "../test/support/fixtures.ts";
import { createRest } from "../test/support/rest.ts";
import { type Context, KEY, say } from "./support/context.ts";
import { startDatabase } from "./support/database.ts";
import { type Line, showMs } from "./support/line.ts";
import { cpuOf, rssOf } from "./support/processes.ts";
import { median, quantile } from "./support/quantile.ts";
import { exchange, open, readUntil, requestText } from "./support/raw-client.ts";
import { type Server, startAvatar } from "./support/servers.ts";

const CLIENTS = 2000;
const MAX_BYTES = 100_000;
const MAX_MS = 100;

/** How a client learns that its job has changed. Both ways, the end of the job shows in what it reads. */
const WAYS = [
  { name: "long-poll", pathOf: (id: string) => `/v1/jobs/${id}?wait=30`, accept: "application/json" },
  { name: "SSE", pathOf: (id: string) => `/v1/jobs/${id}/events`, accept: "text/event-stream" },
];

type Way = (typeof WAYS)[number];

/** A key is looked up again when it was not for so long. */
const KEY_CACHE_MS = 1000;

/**
 * P5: 2,000 clients wait in one process, all for the same job, which is then canceled with another key: theirs is looked up
 * again, as it is where they have waited for long.
 */
export async function measureWaitingClients({ directory, rounds }: Context): Promise<Line[]> {
  const database = await startDatabase(directory, "postgres-waiting");
  const lines: Line[] = [];
  try {
    for (const way of WAYS) {
      const server = await startAvatar({
        dataDir: join(directory, `data-${way.name}`),
        databaseUrl: database.url,
      });
      lines.push(...(await measureWay(server, way, rounds)));
      await server.kill();
    }
  } finally {
    await database.stop();
  }
  return lines;
}

async function measureWay(server: Server, way: Way, rounds: number): Promise<Line[]> {
  const rest = createRest(server.url, KEY);
  const inputs = await uploadFixtures(rest);
  const submit = async (): Promise<string> => (await rest("POST", "/v1/jobs", inputs)).body.id;
  const { body: canceling } = await rest("POST", "/v1/keys", { owner: "owner_default", name: "cancels" });
  await submit(); // The one that the engine holds.
  if (way.name === "SSE" && !(await hasEvents(server, await submit()))) {
    say("\n!! NO P5 BY SSE: this server has no /v1/jobs/{id}/events.\n");
    return [];
  }
  await fanOut(server, way, await submit(), 100, canceling.key); // The code is compiled, and the pools are filled.
  const [growths, times]: [number[], number[]] = [[], []];
  for (let round = 1; round <= rounds; round++) {
    const { growth, ms } = await fanOut(server, way, await submit(), CLIENTS, canceling.key);
    growths.push(growth);
    times.push(quantile(ms, 0.99));
    say(
      `round ${round} ${way.name}: ${(growth / 1000).toFixed(0)} KB each, p99 ${showMs(quantile(ms, 0.99))} ms`,
    );
  }
  // Later rounds use what the first one made the process take.
  const most = Math.max(...growths);
  const p99 = median(times);
  return [
    {
      name: `P5 memory, ${way.name}`,
      value: `${(most / 1000).toFixed(0)} KB for a client`,
      aim: `≤ ${MAX_BYTES / 1000} KB`,
      isMet: most <= MAX_BYTES,
      note: `${CLIENTS} waiting clients`,
      figures: { growths },
    },
    {
      name: `P5 fan-out, ${way.name}`,
      value: `p99 ${showMs(p99)} ms`,
      aim: `≤ ${MAX_MS} ms`,
      isMet: p99 <= MAX_MS,
      note: `from the request that ends the job to the answer at each of ${CLIENTS} clients`,
      figures: { times },
    },
  ];
}

async function fanOut(
  server: Server,
  way: Way,
  id: string,
  clients: number,
  cancelingKey: string,
): Promise<{ growth: number; ms: number[] }> {
  await untilIdle(server);
  const before = rssOf(server.pid);
  const text = requestText(
    { ...server, headers: { ...server.headers, Accept: way.accept } },
    "GET",
    way.pathOf(id),
  );
  const sockets: Socket[] = [];
  const answers: Promise<number | Error>[] = [];
  while (sockets.length < clients) {
    const batch = await Promise.all(
      Array.from({ length: Math.min(100, clients - sockets.length) }, () => open(server)),
    );
    for (const socket of batch) {
      answers.push(endOf(socket));
      socket.write(text);
    }
    sockets.push(...batch);
  }
  await untilIdle(server);
  const growth = (rssOf(server.pid) - before) / clients;
  const canceling = await open(server);
  const headers = { ...server.headers, Authorization: `Bearer ${cancelingKey}` };
  const cancel = requestText({ ...server, headers }, "POST", `/v1/jobs/${id}/cancel`);
  // Theirs is forgotten by then.
  await new Promise((resolve) => setTimeout(resolve, KEY_CACHE_MS));
  const startMs = performance.now();
  const { status } = await exchange(canceling, cancel);
  if (status !== 200) throw new Error(`the job was not canceled: ${status}`);
  const ms = (await Promise.all(answers)).map((end) => {
    if (end instanceof Error) throw end;
    return end - startMs;
  });
  for (const socket of [...sockets, canceling]) socket.destroy();
  return { growth, ms };
}

/** When the client has read that its job is over. */
const endOf = (socket: Socket): Promise<number | Error> =>
  readUntil(
    socket,
    (read) => read.includes('"canceled"') || !"HTTP/1.1 200".startsWith(read.slice(0, 12)),
  ).then(
    (read) =>
      read.startsWith("HTTP/1.1 200") ? performance.now() : new Error(`a client was refused: ${read}`),
    (error: Error) => error,
  );

/** All that was asked of it is done: it takes less than a tenth of a processor. */
async function untilIdle(server: Server): Promise<void> {
  for (let idle = 0; idle < 2; ) {
    const before = cpuOf(server.pid);
    await new Promise((resolve) => setTimeout(resolve, 200)); // Processor time is told in steps of 10 ms.
    idle = cpuOf(server.pid) - before <= 20_000 ? idle + 1 : 0;
  }
}

async function hasEvents(server: Server, id: string): Promise<boolean> {
  const response = await fetch(`${server.url}/v1/jobs/${id}/events`, {
    headers: { ...server.headers, Accept: "text/event-stream" },
  });
  await response.body?.cancel();
  return response.ok;
}
