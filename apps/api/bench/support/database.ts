import { chmod } from "node:fs/promises";
import { join } from "node:path";
import postgres from "postgres";
import { startPostgres } from "../../test/support/postgres-server.ts";
import { postgresPid } from "./processes.ts";

/** A Postgres server of its own, as it is configured by default: with `fsync`. */
export interface BenchDatabase {
  url: string;
  pid: number;
  /** Forgets all jobs. */
  clear(): Promise<void>;
  stop(): Promise<void>;
}

export async function startDatabase(directory: string, name: string): Promise<BenchDatabase> {
  await chmod(directory, 0o755); // As root, Postgres runs as a user of its own.
  const path = join(directory, name);
  const server = await startPostgres(path);
  const client = postgres(server.url, { max: 1, onnotice: () => {} });
  const [row] = await client`show fsync`;
  if (row?.fsync !== "on") throw new Error("this Postgres does not sync its files");
  return {
    url: server.url,
    pid: postgresPid(path),
    async clear() {
      await client`truncate jobs, runs`;
    },
    async stop() {
      await client.end();
      await server.stop();
    },
  };
}
