import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { HOSTILE_AUDIO, type HostileFile } from "../test/media/hostile-audio.ts";
import { HOSTILE_IMAGES } from "../test/media/hostile-images.ts";
import type { Measurement } from "./inspect-file.ts";
import { quantile } from "./quantile.ts";

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
  const median = quantile(times, 0.5);
  const isMet = code !== "accepted" && median <= MAX_MS && growthBytes / 1e6 <= MAX_GROWTH_MB;
  const cells = [
    name,
    (bytes.length / 1e6).toFixed(2),
    code,
    median.toFixed(1),
    (growthBytes / 1e6).toFixed(1),
  ];
  cells.push((readBytes / 1e6).toFixed(2), String(reads), isMet ? "met" : "missed");
  console.log(`| ${cells.join(" | ")} |`);
  return isMet;
}

const folder = await mkdtemp(join(tmpdir(), "avatar-bench-"));
try {
  console.log("| file | MB | answer | ms, median of 5 | RSS growth MB | MB read | reads | aim |");
  console.log("|---|---|---|---|---|---|---|---|");
  let missed = 0;
  for (const file of [...HOSTILE_IMAGES, ...HOSTILE_AUDIO]) if (!(await report(folder, file))) missed += 1;
  console.log(`\n${missed} missed (aim: refused in ${MAX_MS} ms, with ${MAX_GROWTH_MB} MB more memory)`);
} finally {
  await rm(folder, { recursive: true });
}
