import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import type { ChildOptions } from "./child-main.ts";
import { expectNoSecrets } from "./expect-no-secrets.ts";
import { createRest, type Rest } from "./rest.ts";
import { TEST_KEY } from "./test-api.ts";
import type { TestDatabase } from "./test-database.ts";

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** The API in a process of its own, which can be killed. */
export interface ChildApi {
  url: string;
  pid: number;
  rest: Rest;
  /** What it wrote to both of its outputs so far. */
  output: () => string;
  exited: Promise<Exit>;
  /** As the kernel does it: nothing of the process runs any more. */
  kill(): Promise<void>;
  /** As an orchestrator does it. */
  terminate(): Promise<Exit>;
}

interface Options {
  database: TestDatabase;
  /** With these the scripted engine runs; without, the product as it is delivered. */
  child?: ChildOptions;
  env?: Record<string, string>;
  /** Instead of the sources. */
  main?: string;
}

const MAIN = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
const CHILD_MAIN = fileURLToPath(new URL("./child-main.ts", import.meta.url));
const STARTING = /^avatar is starting.*\n/m;
const LISTENING = /^avatar is listening on (\S+)$/m;

/** @throws ChildExited where it ends before it listens. */
export async function startChildApi(options: Options): Promise<ChildApi> {
  const { process: child, output, exited } = spawnApi(options);
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout?.on("data", () => {
      const listening = LISTENING.exec(output())?.[1];
      if (listening) resolve(listening);
    });
    exited.then((exit) => reject(new ChildExited(exit, output().replace(STARTING, ""))), reject);
  });
  return {
    url,
    pid: child.pid ?? 0,
    rest: createRest(url, TEST_KEY),
    output,
    exited,
    async kill() {
      child.kill("SIGKILL");
      await exited;
    },
    terminate() {
      child.kill("SIGTERM");
      return exited;
    },
  };
}

export class ChildExited extends Error {
  override readonly name = "ChildExited";
  readonly exit: Exit;
  /** What it wrote beside that it starts. */
  readonly output: string;
  constructor(exit: Exit, output: string) {
    super(`the API ended with ${exit.code ?? exit.signal}: ${output}`);
    this.exit = exit;
    this.output = output;
  }
}

function spawnApi({ database, child: childOptions, env, main = MAIN }: Options) {
  const child: ChildProcess = spawn(process.execPath, [childOptions ? CHILD_MAIN : main], {
    env: {
      PATH: process.env.PATH,
      // Most tests start it, some of them again and again.
      NODE_COMPILE_CACHE: join(tmpdir(), "avatar-compile-cache"),
      DATA_DIR: database.dataDir,
      ...("url" in database.config && { DATABASE_URL: database.config.url }),
      ...(database.r2 && {
        R2_ENDPOINT: database.r2.endpoint,
        R2_BUCKET: database.r2.bucket,
        R2_ACCESS_KEY_ID: database.r2.accessKeyId,
        R2_SECRET_ACCESS_KEY: database.r2.secretAccessKey,
      }),
      PORT: "0",
      BOOTSTRAP_API_KEY: TEST_KEY,
      LOG_LEVEL: "warn",
      KEY_REQUESTS_PER_MINUTE: "1000000",
      KEY_JOBS_IN_FLIGHT: "1000000",
      KEY_JOBS_QUEUED: "1000000",
      ...(childOptions && { CHILD_OPTIONS: JSON.stringify(childOptions) }),
      ...env,
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on("data", (chunk: Buffer) => void chunks.push(chunk));
  const exited = once(child, "close").then(([code, signal]): Exit => ({ code, signal }));
  const output = () => Buffer.concat(chunks).toString();
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await exited;
    expectNoSecrets(output(), [database.r2?.secretAccessKey]);
  });
  return { process: child, output, exited };
}
