import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";

/** Moves a file, or links it. */
export type Place = (from: string, to: string) => Promise<void>;

/** After this the file is at its path even if the power fails. Directories are made as needed. */
export async function placeDurably(from: string, to: string, place: Place): Promise<void> {
  let firstMade: string | undefined;
  // Twice, because another may remove the empty directory after mkdir made it.
  for (let mkdirsLeft = 2; ; mkdirsLeft--) {
    try {
      await place(from, to);
      break;
    } catch (error) {
      if (mkdirsLeft === 0 || (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      const made = await mkdir(dirname(to), { recursive: true });
      firstMade ??= made;
    }
  }
  await syncDirectory(dirname(to));
  // A new directory is durable once its parent is synced.
  for (let made = dirname(to); firstMade && made.length >= firstMade.length; made = dirname(made)) {
    await syncDirectory(dirname(made));
  }
}

async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return; // Windows cannot open a directory
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
