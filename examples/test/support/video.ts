import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** What ffprobe sees in a file or behind a link. */
export async function probe(video: string): Promise<string> {
  const show = ["-v", "error", "-show_entries", "stream=codec_name,width,height", "-of", "csv=p=0"];
  const { stdout } = await promisify(execFile)("ffprobe", [...show, video]);
  return stdout.trim().split(/\s+/).join(" ");
}
