import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Line } from "./support/line.ts";

const PROGRAM = fileURLToPath(new URL("../../../packages/preview-engine/bench/bench.ts", import.meta.url));

/** P11, which the preview engine measures of itself. */
export async function measurePreview(): Promise<Line[]> {
  const { stdout } = await promisify(execFile)(process.execPath, [PROGRAM]);
  return stdout.split("\n").flatMap((text) => {
    const [, name, value, aim, verdict, note] =
      /^(P11 \w+) (.+?) \(aim (.+?)\) (met|missed), (.+)$/i.exec(text) ?? [];
    if (!name || !value || !aim || !verdict || !note) return [];
    return [{ name, value, aim, isMet: verdict === "met", note, figures: { text } }];
  });
}
