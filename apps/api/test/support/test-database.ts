import { randomUUID } from "node:crypto";
import { createReadStream, existsSync } from "node:fs";
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import postgres from "postgres";
import { inject } from "vitest";
import type { DatabaseConfig } from "../../src/config.ts";
import type { R2Config } from "../../src/storage/r2-client.ts";
import { type FakeS3, startFakeS3 } from "./fake-s3.ts";

declare module "vitest" {
  interface ProvidedContext {
    /** A Postgres server on which tests may create databases. */
    postgresUrl: string;
    /** A migrated, empty database on it, to be copied. */
    postgresTemplate: string;
    /** A data directory with a migrated, empty PGlite database, to be copied. */
    pgliteTemplate: string;
  }
}

export type DatabaseKind = "pglite" | "postgres";

/** The suite runs twice: on PGlite with files on disk, and on Postgres with files in a bucket. */
export const databaseKind: DatabaseKind = process.env.TEST_DATABASE === "postgres" ? "postgres" : "pglite";

/** Where one API, or several, keep what they have. */
export interface TestDatabase {
  config: DatabaseConfig;
  dataDir: string;
  /** Undefined where files are in `dataDir`. */
  r2: R2Config | undefined;
  /** The server behind `r2`. */
  s3: FakeS3 | undefined;
  /** How far the clock of the API, and of links into the bucket, is ahead. */
  clock: { aheadMs: number };
  /** Keys of all that is in the store and begins so. */
  objects(prefix?: string): Promise<string[]>;
  readObject(key: string): Promise<Buffer>;
  remove(): Promise<void>;
}

/** Empty, and of its own. */
export async function createTestDatabase(
  kind: DatabaseKind = databaseKind,
  store: "disk" | "s3" = kind === "pglite" ? "disk" : "s3",
): Promise<TestDatabase> {
  const dataDir = await mkdtemp(join(tmpdir(), "avatar-data-"));
  const clock = { aheadMs: 0 };
  const stored = await createTestStore(store, dataDir, () => new Date(Date.now() + clock.aheadMs));
  const removeFiles = async () => {
    await stored.s3?.stop();
    await rm(dataDir, { recursive: true, force: true });
  };
  if (kind === "pglite") {
    await cp(join(inject("pgliteTemplate"), "pglite"), join(dataDir, "pglite"), { recursive: true });
    return { config: { dataDir }, dataDir, clock, ...stored, remove: removeFiles };
  }
  const name = `test_${randomUUID().replaceAll("-", "")}`;
  const admin = postgres(inject("postgresUrl"), { max: 1, onnotice: () => {} });
  await admin.unsafe(`create database ${name} template ${inject("postgresTemplate")}`);
  const url = new URL(inject("postgresUrl"));
  url.pathname = `/${name}`;
  return {
    config: { url: url.href },
    dataDir,
    clock,
    ...stored,
    async remove() {
      await admin.unsafe(`drop database ${name} with (force)`);
      await admin.end();
      await removeFiles();
    },
  };
}

type TestStore = Pick<TestDatabase, "r2" | "s3" | "objects" | "readObject">;

async function createTestStore(kind: "disk" | "s3", dataDir: string, now: () => Date): Promise<TestStore> {
  const startingWith = (keys: Iterable<string>, prefix: string) =>
    [...keys].filter((key) => key.startsWith(prefix)).sort();
  if (kind === "disk") {
    return {
      r2: undefined,
      s3: undefined,
      objects: async (prefix = "") => startingWith(await filesIn(dataDir, "objects"), prefix),
      readObject: (key) => buffer(createReadStream(join(dataDir, "objects", key))),
    };
  }
  const s3 = await startFakeS3({ linksNow: now });
  const { endpoint, bucket, accessKeyId, secretAccessKey } = s3;
  return {
    r2: { endpoint, bucket, accessKeyId, secretAccessKey },
    s3,
    objects: async (prefix = "") => startingWith(s3.objects.keys(), prefix),
    async readObject(key) {
      const object = s3.objects.get(key);
      if (!object) throw new Error(`there is no object ${key}`);
      return object.read();
    },
  };
}

/** Files below a folder of the data directory, by their paths in it. */
export async function filesIn(dataDir: string, folder: string): Promise<string[]> {
  const root = join(dataDir, folder);
  const entries = await readdir(root, { recursive: true, withFileTypes: true }).catch((error) => {
    // Also where a folder below went away in the meantime.
    if (error.code === "ENOENT") return existsSync(root) ? undefined : [];
    throw error;
  });
  if (!entries) return filesIn(dataDir, folder);
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .sort();
}
