import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { ChildOptions } from "../../test/support/child-main.ts";
import { freePort } from "../../test/support/postgres-server.ts";
import { KEY, NO_LIMITS } from "./context.ts";

/** A server in a process of its own. */
export interface Server {
  name: string;
  url: string;
  port: number;
  pid: number;
  /** Headers of every request. */
  headers: Record<string, string>;
  /** From its start to its first good answer. */
  startMs: number;
  /** As the kernel does it. */
  kill(): Promise<void>;
}

const fileOf = (path: string) => fileURLToPath(new URL(path, import.meta.url));

interface AvatarOptions {
  dataDir: string;
  /** Without one the database is embedded. */
  databaseUrl?: string;
  /** Has an engine that keeps its run for ever; without, this is the product as it is delivered. */
  holds?: boolean;
  env?: Record<string, string>;
}

/** As the product runs in production, with keys, limits, metrics and the intervals of its own. */
export function startAvatar({ dataDir, databaseUrl, holds = true, env }: AvatarOptions): Promise<Server> {
  const child: ChildOptions = { engine: "hold", dispatcher: { pollMs: 1000, leaseMs: 4000 } };
  return start({
    name: "avatar",
    command: process.execPath,
    args: [fileOf(holds ? "../../test/support/child-main.ts" : "../../dist/main.js")],
    env: {
      DATA_DIR: dataDir,
      ...(databaseUrl !== undefined && { DATABASE_URL: databaseUrl }),
      BOOTSTRAP_API_KEY: KEY,
      METRICS_TOKEN: "M".repeat(32),
      ...NO_LIMITS,
      LOG_LEVEL: "error",
      MAX_RUNS_IN_FLIGHT: "1",
      ...(holds && { CHILD_OPTIONS: JSON.stringify(child) }),
      ...env,
    },
    readyPath: "/readyz",
    headers: { Authorization: `Bearer ${KEY}` },
  });
}

/** FastAPI on uvicorn with uvloop; its jobs are in memory. */
export const startPeer = (folder: string): Promise<Server> =>
  start({
    name: "FastAPI",
    command: "/bin/sh",
    args: [resolve(folder, "run.sh")],
    env: { PYTHONDONTWRITEBYTECODE: "1" },
    readyPath: "/health",
    headers: { "x-api-key": "test-key" },
  });

export const startBare = (): Promise<Server> =>
  start({
    name: "bare node:http",
    command: process.execPath,
    args: [fileOf("../bare-server.ts")],
    env: {},
    readyPath: "/",
    headers: {},
  });

interface Program {
  name: string;
  command: string;
  args: string[];
  env: Record<string, string>;
  readyPath: string;
  headers: Record<string, string>;
}

async function start({ name, command, args, env, readyPath, headers }: Program): Promise<Server> {
  const port = await freePort();
  const startedAtMs = performance.now();
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, ...env, PORT: String(port) },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const exited = once(child, "exit");
  const url = `http://127.0.0.1:${port}`;
  await firstAnswer(`${url}${readyPath}`, child);
  return {
    name,
    url,
    port,
    pid: child.pid ?? 0,
    headers,
    startMs: performance.now() - startedAtMs,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
  };
}

async function firstAnswer(url: string, child: ChildProcess): Promise<void> {
  const untilMs = performance.now() + 60_000;
  while (child.exitCode === null && performance.now() < untilMs) {
    const isGood = await fetch(url).then(
      ({ ok }) => ok,
      () => false,
    );
    if (isGood) return;
    await new Promise((resolve) => setTimeout(resolve, 5)); // So fine is what is measured; no pause would take its processor.
  }
  throw new Error(`no answer from ${url}, exit code ${child.exitCode}`);
}
