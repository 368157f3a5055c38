import type { Socket } from "node:net";
import { join } from "node:path";
import { uploadFixtures } from "../test/support/fixtures.ts";
import { createRest } from "../test/support/rest.ts";
import { type Context, KEY, say } from "./support/context.ts";
import { startDatabase } from "./support/database.ts";
import { type Line, showMs } from "./support/line.ts";
import { quantile } from "./support/quantile.ts";
import { exchange, open, requestText } from "./support/raw-client.ts";
import { type Server, startAvatar } from "./support/servers.ts";

const CONNECTIONS = 1024;
const LOAD_MS = 10_000;

/** How often each thing happened: `2xx`, `503 with Retry-After`, `429`, `ECONNRESET`, … */
type Counts = Record<string, number>;

/** P9: more connections than can be served, half of them new for each request. */
export async function measureOverload({ directory }: Context): Promise<Line[]> {
  const database = await startDatabase(directory, "postgres-overload");
  const server = await startAvatar({
    dataDir: join(directory, "data-overload"),
    databaseUrl: database.url,
  });
  try {
    const body = JSON.stringify(await uploadFixtures(createRest(server.url, KEY)));
    const counts: Counts = {};
    const times: number[] = [];
    const untilMs = performance.now() + LOAD_MS;
    say(`P9: ${CONNECTIONS} connections for ${LOAD_MS / 1000} s`);
    await Promise.all(
      Array.from({ length: CONNECTIONS }, (_, n) => {
        const isNew = n % 2 === 0;
        return press(
          server,
          requestText(server, "POST", "/v1/jobs", body, isNew),
          isNew,
          untilMs,
          (what, ms) => {
            counts[what] = (counts[what] ?? 0) + 1;
            if (what === "2xx") times.push(ms);
          },
        );
      }),
    );
    const known = ["2xx", "503 with Retry-After", "429 with Retry-After"];
    const bad = Object.entries(counts).filter(([what]) => !known.includes(what));
    const broken = bad.reduce((sum, [, count]) => sum + count, 0);
    const total = Object.values(counts).reduce((sum, count) => sum + count, 0);
    const listed = Object.entries(counts).map(([what, count]) => `${count.toLocaleString("en")} ${what}`);
    return [
      {
        name: `P9@${CONNECTIONS}`,
        value: `${broken} of ${total.toLocaleString("en")} broken`,
        aim: "0 resets, shed with 503 and Retry-After",
        // Who lets everybody wait sheds nothing.
        isMet: broken === 0 && (counts["503 with Retry-After"] ?? 0) > 0,
        note: `${listed.join(", ")}; p99 of 2xx ${showMs(quantile(times, 0.99))} ms`,
        figures: { counts, p50Ms: quantile(times, 0.5), p99Ms: quantile(times, 0.99) },
      },
    ];
  } finally {
    await server.kill();
    await database.stop();
  }
}

/** One client that asks again as soon as it has an answer, as bad clients do. */
async function press(
  server: Server,
  text: string,
  isNew: boolean,
  untilMs: number,
  count: (what: string, ms: number) => void,
): Promise<void> {
  let socket: Socket | undefined;
  while (performance.now() < untilMs) {
    const startedMs = performance.now();
    try {
      socket ??= await open(server);
      const { status, headers } = await exchange(socket, text);
      const hint =
        status < 400
          ? ""
          : headers.includes("\r\nretry-after: ")
            ? " with Retry-After"
            : " without Retry-After";
      count(`${status < 300 ? "2xx" : status}${hint}`, performance.now() - startedMs);
      if (isNew || headers.includes("\r\nconnection: close")) {
        socket.destroy();
        socket = undefined;
      }
    } catch (error) {
      count((error as NodeJS.ErrnoException).code ?? String(error), performance.now() - startedMs);
      socket?.destroy();
      socket = undefined;
    }
  }
  socket?.destroy();
}
