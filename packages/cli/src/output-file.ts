import { randomBytes } from "node:crypto";
import { open, rm, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { CliError, EXIT, usageError } from "./exit-codes.ts";

/** Makes sure that a video can be saved there, before anybody pays for it. */
export async function checkOutput(path: string, force: boolean | undefined): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found && !found.isFile()) throw usageError(`${path} is not a file.`, "Name a file: -o video.mp4");
  if (found && !force) {
    throw new CliError(EXIT.usage, {
      code: "file_exists",
      detail: `${path} exists.`,
      hint: "Pass --force to write over it, or choose another name.",
    });
  }
  await tryToWrite(`${path}.${randomBytes(4).toString("hex")}.part`);
}

/** Under a name such as the video has while it arrives, since the name may be at fault as well as the folder. */
async function tryToWrite(path: string): Promise<void> {
  try {
    const file = await open(path, "wx");
    await file.close();
    await rm(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const folder = dirname(resolve(path));
    if (code === "ENAMETOOLONG") throw usageError("The name of the video is too long.");
    throw usageError(`${code === "ENOENT" ? "There is no folder" : "Nothing can be written to"} ${folder}`);
  }
}
