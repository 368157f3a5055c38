import { DatabaseSync } from "node:sqlite";

/**
 * Locks a file for this process alone and returns the release; undefined where another one has it.
 *
 * SQLite is used for its file lock only: the kernel gives it back when the process dies, however it dies, it works
 * between containers that share a volume, and taking it has no race. A pid file has none of the three.
 */
export function lockFile(path: string): (() => void) | undefined {
  const lock = new DatabaseSync(path);
  try {
    lock.exec("PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE");
  } catch (cause) {
    lock.close();
    if (cause instanceof Error && "errcode" in cause && cause.errcode === SQLITE_BUSY) return undefined;
    throw cause;
  }
  return () => lock.close();
}

const SQLITE_BUSY = 5;
