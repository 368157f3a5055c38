import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const CONFIG = fileURLToPath(new URL("../../../../deploy/Caddyfile", import.meta.url));

/** The proxy as it is deployed, but for TLS. @param upstreams ports on this machine */
export async function startCaddy(port: number, upstreams: readonly number[]): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "avatar-caddy-"));
  const caddy = spawn("caddy", ["run", "--adapter", "caddyfile", "--config", CONFIG], {
    env: {
      PATH: process.env.PATH,
      HOME: folder,
      CADDY_ADMIN: `unix/${join(folder, "admin")}`,
      API_HOST: `http://127.0.0.1:${port}`,
      API_UPSTREAMS: upstreams.map((upstream) => `127.0.0.1:${upstream}`).join(" "),
    },
    stdio: ["ignore", "ignore", "pipe"],
  });
  await once(caddy, "spawn");
  const exited = once(caddy, "close");
  onTestFinished(async () => {
    caddy.kill();
    await exited;
    await rm(folder, { recursive: true });
  });
  let log = "";
  await new Promise<void>((resolve, reject) => {
    caddy.stderr.on("data", (chunk: Buffer) => {
      log += chunk;
      if (log.includes("serving initial configuration")) resolve();
    });
    exited.then(() => reject(new Error(`Caddy ended: ${log}`)));
  });
}
