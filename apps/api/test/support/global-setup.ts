import { randomUUID } from "node:crypto";
import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
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

/** No test crashes this one, so nothing has to survive that. */
const IN_A_HURRY = ["fsync=off", "synchronous_commit=off", "full_page_writes=off"];

async function providePostgres(project: TestProject, directory: string) {
  const external = process.env.TEST_DATABASE_URL;
  const server = external ? undefined : await startPostgres(join(directory, "postgres"), IN_A_HURRY);
  const url = external ?? server?.url ?? "";
  const template = await makeTemplate(url);
  project.provide("postgresUrl", url);
  project.provide("postgresTemplate", template.name);
  return async () => {
    await template.remove();
    await server?.stop();
  };
}

/** A migrated, empty database: to copy it is quicker than to migrate each. */
async function makeTemplate(serverUrl: string) {
  const name = `template_${randomUUID().replaceAll("-", "")}`;
  const admin = postgres(serverUrl, { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${name}`);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  const { close } = await openDatabase({ url: url.href });
  await close();
  return {
    name,
    async remove() {
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end();
    },
  };
}
