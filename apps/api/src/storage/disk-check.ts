import { randomUUID } from "node:crypto";
import { link, mkdir, open, rm, rmdir, statfs } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createChecker, expectThat, type Report } from "./findings.ts";
import { placeDurably } from "./place-durably.ts";

interface Options {
  dataDir: string;
  publicBaseUrl: string | undefined;
  /** Where it listens, as far as is known before it does. */
  listeningUrl: string;
  report: Report;
  freeBytes?: (path: string) => Promise<number>;
}

const GIB = 1024 ** 3;

/** Whether files can be kept in `dataDir`. Leaves nothing there. */
export async function checkDisk(options: Options): Promise<void> {
  const { dataDir, publicBaseUrl, listeningUrl, report, freeBytes = askFreeBytes } = options;
  const check = createChecker(
    report,
    () => `DATA_DIR: give a folder of a local disk that this user may write to.`,
  );
  const [from, folder] = [join(dataDir, `check-${randomUUID()}`), join(dataDir, `check-${randomUUID()}.d`)];
  let firstMade: string | undefined;
  let isMade = false;
  try {
    const isWritable = await check(`write and fsync a file in ${dataDir}`, async () => {
      firstMade = await mkdir(dataDir, { recursive: true });
      isMade = true;
      const file = await open(from, "wx", 0o600);
      try {
        await file.writeFile("check");
        await file.sync();
      } finally {
        await file.close();
      }
    });
    if (!isWritable) return;
    await check(
      "put it in place durably, and never in place of another (hard links, fsync of folders)",
      async () => {
        const to = join(folder, "file");
        await placeDurably(from, to, link);
        const second = await link(from, to).then(
          () => "nothing",
          (error: NodeJS.ErrnoException) => error.code,
        );
        expectThat(second === "EEXIST", `a second link was refused with ${second}`);
      },
    );
    await check("free space", async () => {
      const bytes = await freeBytes(dataDir);
      const seen = `${(bytes / GIB).toFixed(1)} GiB`;
      const remedy =
        "A full disk refuses uploads and loses videos. Make room, or set DATA_DIR to a larger disk.";
      expectThat(bytes >= GIB, seen, remedy);
    });
  } finally {
    if (isMade) {
      await rm(from, { force: true });
      await rm(folder, { recursive: true, force: true });
      await removeEmpty(dataDir, firstMade);
    }
  }
  if (publicBaseUrl) report({ result: "ok", what: `links start with ${publicBaseUrl} (PUBLIC_BASE_URL)` });
  else {
    const remedy =
      "PUBLIC_BASE_URL: set it to where customers reach the API, unless they are on this machine.";
    report({
      result: "warning",
      what: "PUBLIC_BASE_URL is not set",
      seen: `links start with ${listeningUrl}`,
      remedy,
    });
  }
}

async function askFreeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

/** Directories that were made, unless somebody uses them by now. */
async function removeEmpty(directory: string, firstMade: string | undefined): Promise<void> {
  for (let path = directory; firstMade && path.length >= firstMade.length; path = dirname(path))
    await rmdir(path).catch(() => {});
}
