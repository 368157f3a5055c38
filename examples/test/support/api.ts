import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { withChecksum } from "../../../packages/contract/src/api-keys.ts";

export interface Api {
  url: string;
  apiKey: string;
  stop(): Promise<void>;
}

/** The server as it is started for real, with the preview engine. */
export async function startApi(corsOrigins: string[] = []): Promise<Api> {
  const dataDir = await mkdtemp(join(tmpdir(), "avatar-examples-"));
  const apiKey = withChecksum(`avk_live_${randomBytes(17).toString("hex")}`);
  const main = fileURLToPath(new URL("../../../apps/api/src/main.ts", import.meta.url));
  const child = spawn(process.execPath, [main], {
    // Nothing of the shell's own settings.
    env: {
      PATH: process.env.PATH,
      HOST: "127.0.0.1",
      PORT: "0",
      DATA_DIR: dataDir,
      BOOTSTRAP_API_KEY: apiKey,
      CORS_ORIGINS: corsOrigins.join(","),
      LOG_LEVEL: "warn",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  return {
    url: await addressOf(child),
    apiKey,
    async stop() {
      child.kill("SIGTERM");
      if (child.exitCode === null) await once(child, "exit");
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

async function addressOf(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout ?? process.stdin })) {
    const [, url] = /^avatar is listening on (\S+)$/.exec(line) ?? [];
    if (url) return url;
  }
  throw new Error("the API ended before it was ready");
}
