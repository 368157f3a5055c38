import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { type PostgresServer, startPostgres } from "./postgres-server.ts";

/** One that a test may crash: others have theirs. */
export async function startOwnPostgres(): Promise<PostgresServer> {
  const folder = await mkdtemp(join(tmpdir(), "avatar-postgres-"));
  await chmod(folder, 0o755); // As root, Postgres runs as a user of its own.
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const server = await startPostgres(join(folder, "data"));
  onTestFinished(() => server.stop());
  return server;
}
