import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

export class DataDirInUse extends Error {
  override readonly name = "DataDirInUse";
  constructor(dataDir: string) {
    super(
      `Another process uses the data directory ${dataDir}. Stop it, choose another DATA_DIR, ` +
        "or set DATABASE_URL: with Postgres, several processes may run.",
    );
  }
}

/**
 * Takes the directory for this process alone and returns the release.
 *
 * SQLite is used for its file lock only: the kernel gives it back when the process dies, however it dies, it works
 * between containers that share a volume, and taking it has no race. A pid file has none of the three.
 *
 * @throws DataDirInUse
 */
export function lockDataDir(dataDir: string): () => void {
  const lock = new DatabaseSync(join(dataDir, "lock.sqlite"));
  try {
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (cause) {
    lock.close();
    if (cause instanceof Error && "errcode" in cause && cause.errcode === SQLITE_BUSY)
      throw new DataDirInUse(dataDir);
    throw cause;
  }
  return () => lock.close();
}

const SQLITE_BUSY = 5;
