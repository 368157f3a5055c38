import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { R2Config } from "../../src/storage/r2-client.ts";

const VERSION = "5.2.5";
const PACKAGES = [`moto[s3]==${VERSION}`, "flask==3.1.3", "flask-cors==6.0.5"];
const FOLDER = fileURLToPath(new URL(`../../node_modules/.cache/moto-${VERSION}`, import.meta.url));

/** Ends when its standard input does, so also when we are killed. */
const PROGRAM = `
import sys
from moto.moto_server.threaded_moto_server import ThreadedMotoServer
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
`;

/**
 * Puts moto, an S3 server that others wrote, into a cache folder unless it is there.
 * @returns why it cannot be used here, or undefined
 */
export async function installMoto(): Promise<string | undefined> {
  if (await stat(FOLDER).catch(() => undefined)) return undefined;
  await mkdir(dirname(FOLDER), { recursive: true });
  const folder = await mkdtemp(`${FOLDER}-`);
  const pip = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--timeout",
    "10",
    "--retries",
    "1",
  ];
  try {
    await promisify(execFile)("python3", [...pip, "--target", folder, ...PACKAGES], { timeout: 300_000 });
    // Whole or not at all; another process may have been faster.
    await rename(folder, FOLDER).catch(async (error: unknown) => {
      if (!(await stat(FOLDER).catch(() => undefined))) throw error;
    });
    return undefined;
  } catch (error) {
    const lines = error instanceof Error ? error.message.trim().split("\n") : [String(error)];
    return `pip could not install moto: ${lines.at(-1)}`;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

export interface Moto {
  /** Of an empty bucket. */
  config: R2Config;
  stop(): Promise<void>;
}

export async function startMoto(): Promise<Moto> {
  const child = spawn("python3", ["-c", PROGRAM], {
    stdio: ["pipe", "pipe", "ignore"],
    env: { ...process.env, PYTHONPATH: FOLDER },
  });
  const [port] = await Promise.race([
    once(createInterface(child.stdout), "line"),
    once(child, "exit").then(([code]) => Promise.reject(new Error(`moto ended with ${code}`))),
  ]);
  const endpoint = `http://127.0.0.1:${port}`;
  const made = await fetch(`${endpoint}/avatar`, { method: "PUT" });
  if (!made.ok) throw new Error(`moto made no bucket: ${made.status}`);
  return {
    config: { endpoint, bucket: "avatar", accessKeyId: "moto-key-id", secretAccessKey: "moto-secret" },
    async stop() {
      const ended = once(child, "exit");
      child.stdin.end();
      await ended;
    },
  };
}
