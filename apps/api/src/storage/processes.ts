import { existsSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { lockFile } from "../db/file-lock.ts";
import type { NewId } from "../ids.ts";

/**
 * The processes that share a data directory. Files that are not finished carry the id of their process in front of
 * their names, so that the next one knows what was left over by one that died.
 */
export interface Processes {
  /** Of this process. */
  id: string;
  isLeftOver(fileName: string): boolean;
  /** Empties a directory of what was left over. */
  clear(directory: string): Promise<void>;
  leave(): Promise<void>;
}

export async function joinProcesses(dataDir: string, newId: NewId): Promise<Processes> {
  const locks = join(dataDir, "processes");
  await mkdir(locks, { recursive: true });
  const pathOf = (id: string) => join(locks, `${id}.lock`);

  function isAlive(id: string): boolean {
    if (!existsSync(pathOf(id))) return false;
    const unlock = lockFile(pathOf(id));
    unlock?.();
    return !unlock;
  }

  for (const name of await readdir(locks)) {
    if (!name.endsWith(".lock")) continue; // SQLite's journal of one.
    const unlock = lockFile(join(locks, name));
    if (!unlock) continue;
    await rm(join(locks, name), { force: true });
    unlock();
  }
  for (;;) {
    const id = newId("api");
    const unlock = lockFile(pathOf(id));
    // Another process may take the new file for one that was left, until it is locked.
    if (!unlock || !existsSync(pathOf(id))) {
      unlock?.();
      continue;
    }
    const isLeftOver = (fileName: string) => !isAlive(fileName.split(".", 1)[0] ?? "");
    return {
      id,
      isLeftOver,
      async clear(directory) {
        for (const name of await readdir(directory).catch(() => [])) // Not made yet.
          if (isLeftOver(name)) await rm(join(directory, name), { recursive: true, force: true });
      },
      async leave() {
        await rm(pathOf(id), { force: true });
        unlock();
      },
    };
  }
}
