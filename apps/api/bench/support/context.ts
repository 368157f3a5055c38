import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { withChecksum } from "@avatar/contract/api-keys";

/** What every part of the benchmark is given. */
export interface Context {
  /** For everything that it writes. */
  directory: string;
  /** The median of so many counts. */
  rounds: number;
  /** How long one measurement under load takes. */
  seconds: number;
  /** Of the FastAPI server that the promises compare with. */
  peerFolder: string | undefined;
}

/** What is measured is speed, not who is refused. */
const NO_LIMIT = "1000000000";
export const NO_LIMITS = {
  KEY_REQUESTS_PER_MINUTE: NO_LIMIT,
  KEY_JOBS_IN_FLIGHT: NO_LIMIT,
  KEY_JOBS_QUEUED: NO_LIMIT,
};

export const KEY = withChecksum(`avk_live_${"B".repeat(34)}`);

/** Not part of the result: what happens, and what each round was. */
export const say = (text: string) => console.error(text);

const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));

/** The folder with the peer's `app.py` and `run.sh`, which is not part of this repository. */
export function findPeer(folder: string | undefined): string | undefined {
  const path = resolve(folder ?? resolve(ROOT, "../shared/baselines/fastapi"));
  const missing = whyNot(path);
  if (missing === undefined) return path;
  say(`\n!! NO COMPARISONS WITH FASTAPI: ${missing}\n`);
  return undefined;
}

function whyNot(path: string): string | undefined {
  if (!existsSync(resolve(path, "run.sh")))
    return `there is no ${path}/run.sh. Name its folder in FASTAPI_BASELINE.`;
  try {
    execFileSync("/usr/bin/python3", ["-c", "import fastapi, httptools, multipart, uvicorn, uvloop"]);
  } catch {
    return `apt-get install python3-fastapi uvicorn python3-multipart python3-uvloop python3-httptools`;
  }
  return undefined;
}
