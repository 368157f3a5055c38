import { randomUUID } from "node:crypto";
import { cp, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import postgres from "postgres";
import { inject } from "vitest";
import type { DatabaseConfig } from "../../src/config.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A Postgres server on which tests may create databases. */
    postgresUrl: string;
    /** A data directory with a migrated, empty PGlite database, to be copied. */
    pgliteTemplate: string;
  }
}

export type DatabaseKind = "pglite" | "postgres";

/** Which database the suite runs on: it runs once on each. */
export const databaseKind: DatabaseKind = process.env.TEST_DATABASE === "postgres" ? "postgres" : "pglite";

export interface TestDatabase {
  config: DatabaseConfig;
  dataDir: string;
  remove(): Promise<void>;
}

/** An empty database and data directory of its own. */
export async function createTestDatabase(kind: DatabaseKind = databaseKind): Promise<TestDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), "avatar-data-"));
  const removeDir = () => rm(dataDir, { recursive: true, force: true });
  if (kind === "pglite") {
    await cp(join(inject("pgliteTemplate"), "pglite"), join(dataDir, "pglite"), { recursive: true });
    return { config: { dataDir }, dataDir, remove: removeDir };
  }
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  const admin = postgres(inject("postgresUrl"), { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${name}`);
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;
  return {
    config: { url: url.href },
    dataDir,
    async remove() {
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end();
      await removeDir();
    },
  };
}
