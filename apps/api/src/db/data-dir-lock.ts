import { join } from "node:path";
import { StartError } from "../start-error.ts";
import { lockFile } from "./file-lock.ts";

export class DataDirInUse extends StartError {
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
 * @throws DataDirInUse
 */
export function lockDataDir(dataDir: string): () => void {
  const unlock = lockFile(join(dataDir, "lock.sqlite"));
  if (!unlock) throw new DataDirInUse(dataDir);
  return unlock;
}
