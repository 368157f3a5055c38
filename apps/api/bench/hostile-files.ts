import { execFile } from "node:child_process";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { HOSTILE_AUDIO, type HostileFile } from "../test/media/hostile-audio.ts";
import { HOSTILE_IMAGES } from "../test/media/hostile-images.ts";
import type { Measurement } from "./inspect-file.ts";
import { type Context, say } from "./support/context.ts";
import type { Line } from "./support/line.ts";
import { median } from "./support/quantile.ts";

const MAX_MS = 50;
const MAX_GROWTH_MB = 20;

/** In a process of its own, so that no memory of another file is there to be used again. */
async function measure(path: string, declared: string): Promise<Measurement> {
  const child = fileURLToPath(new URL("inspect-file.ts", import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, ["--expose-gc", child, path, declared]);
  return JSON.parse(stdout);
}

async function report(folder: string, [name, declared, make]: HostileFile): Promise<boolean> {
  const path = join(folder, "file");
  const bytes = make();
  await writeFile(path, bytes);
  const { code, times, growthBytes, readBytes, reads } = await measure(path, declared);
  const ms = median(times);
  const isMet = code !== "accepted" && ms <= MAX_MS && growthBytes / 1e6 <= MAX_GROWTH_MB;
  const cells = [name, (bytes.length / 1e6).toFixed(2), code, ms.toFixed(1), (growthBytes / 1e6).toFixed(1)];
  cells.push((readBytes / 1e6).toFixed(2), String(reads), isMet ? "met" : "missed");
  say(`| ${cells.join(" | ")} |`);
  return isMet;
}

/** S3: each of the files that are made to do harm is refused at little cost. */
export async function measureHostileFiles({ directory }: Context): Promise<Line[]> {
  say("| file | MB | answer | ms, median of 5 | RSS growth MB | MB read | reads | aim |");
  say("|---|---|---|---|---|---|---|---|");
  const files = [...HOSTILE_AUDIO, ...HOSTILE_IMAGES];
  const missed: string[] = [];
  for (const file of files) if (!(await report(directory, file))) missed.push(file[0]);
  return [
    {
      name: "S3 hostile files",
      value: `${files.length - missed.length} of ${files.length}`,
      aim: `all refused within ${MAX_MS} ms, with ${MAX_GROWTH_MB} MB more memory`,
      isMet: missed.length === 0,
      ...(missed.length > 0 && { note: missed.join("; ") }),
      figures: { missed },
    },
  ];
}
