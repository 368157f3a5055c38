import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { withChecksum } from "@avatar/contract/api-keys";

const MAIN = fileURLToPath(new URL("../../../../apps/api/src/main.ts", import.meta.url));

export interface PreviewApi {
  env: { AVATAR_BASE_URL: string; AVATAR_API_KEY: string };
  stop(): Promise<void>;
}

/** The API as `pnpm start` runs it, with its preview engine. */
export async function startPreviewApi(): Promise<PreviewApi> {
  const dataDir = await mkdtemp(join(tmpdir(), "avatar-cli-api-"));
  const apiKey = withChecksum(`avk_live_${randomBytes(17).toString("hex")}`);
  const child = spawn(process.execPath, [MAIN], {
    env: {
      PATH: process.env.PATH,
      HOST: "127.0.0.1",
      PORT: "0",
      DATA_DIR: dataDir,
      BOOTSTRAP_API_KEY: apiKey,
      LOG_LEVEL: "warn",
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const url = await addressOf(child);
  return {
    env: { AVATAR_BASE_URL: url, AVATAR_API_KEY: apiKey },
    async stop() {
      const ended = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}

function addressOf(api: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    api.once("exit", (code) => reject(new Error(`the API ended with ${code}`)));
    createInterface({ input: api.stdout ?? process.stdin }).on("line", (line) => {
      const [, url] = /^avatar is listening on (\S+)$/.exec(line) ?? [];
      if (url) resolve(url);
    });
  });
}
