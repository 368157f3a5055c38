import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
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
  const folder = dirname(resolve(path));
  await access(folder, constants.W_OK).catch((error: NodeJS.ErrnoException) => {
    const why = error.code === "ENOENT" ? "There is no folder" : "Nothing can be written to";
    throw usageError(`${why} ${folder}`);
  });
}
