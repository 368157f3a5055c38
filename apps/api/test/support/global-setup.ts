import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { openDatabase } from "../../src/db/client.ts";
import { startPostgres } from "./postgres-server.ts";

/** Starts what all test files of a project share: a real Postgres server, or a PGlite directory, slow to create. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), "avatar-test-"));
  await chmod(directory, 0o755); // As root, Postgres runs as a user of its own.
  const stop =
    project.name === "postgres"
      ? await providePostgres(project, directory)
      : await providePglite(project, directory);
  return async () => {
    await stop();
    await rm(directory, { recursive: true, force: true });
  };
}

async function providePglite(project: TestProject, dataDir: string) {
  const template = await openDatabase({ dataDir });
  await template.close();
  project.provide("pgliteTemplate", dataDir);
  return async () => {};
}

async function providePostgres(project: TestProject, directory: string) {
  const external = process.env.TEST_DATABASE_URL;
  const server = external ? undefined : await startPostgres(join(directory, "postgres"));
  project.provide("postgresUrl", external ?? server?.url ?? "");
  return async () => server?.stop();
}
