import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

/** Not among the dependencies: it has 160 MB, which nobody else needs. */
const WORKERD = "workerd@1.20261117.1";

/** Serves a worker in the runtime of Cloudflare Workers, at a free port instead of the one of its configuration. */
export async function startWorkerd(config: string, env: Record<string, string>) {
  const args = ["-y", WORKERD, "serve", config, "--socket-addr", "http=127.0.0.1:0", "--control-fd", "1"];
  const child = spawn("npx", args, {
    cwd: fileURLToPath(new URL("../..", import.meta.url)),
    // The shell's own settings say how npm reaches its registry.
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "inherit"],
    // A group of its own: npx does not pass a signal on.
    detached: true,
  });
  const exit = once(child, "exit");
  for await (const line of createInterface({ input: child.stdout })) {
    const { event, port } = JSON.parse(line);
    if (event !== "listen") continue;
    return {
      url: `http://127.0.0.1:${port}`,
      async stop() {
        process.kill(-(child.pid as number), "SIGTERM");
        await exit;
      },
    };
  }
  throw new Error("workerd ended before it was ready");
}
