import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Of user and kernel, in microseconds, as Linux counts it. */
export function cpuOf(pid: number): number {
  const { own } = statOf(pid);
  return own;
}

/** Of a process and all its children, those that ended included. */
export function cpuOfFamily(pid: number): number {
  const { own, ended } = statOf(pid);
  let sum = own + ended;
  for (const name of readdirSync("/proc")) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const child = statOf(Number(name));
      if (child.parent === pid) sum += child.own + child.ended;
    } catch {
      // It has ended since.
    }
  }
  return sum;
}

export function rssOf(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  return Number(kilobytes) * 1024;
}

/** The one that `startPostgres` started in this directory. */
export function postgresPid(databaseDir: string): number {
  return Number(readFileSync(join(databaseDir, "postmaster.pid"), "utf8").split("\n")[0]);
}

const TICK_MICROSECONDS = 10_000;

function statOf(pid: number): { parent: number; own: number; ended: number } {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
  const ticks = (first: number) => (Number(fields[first]) + Number(fields[first + 1])) * TICK_MICROSECONDS;
  return { parent: Number(fields[1]), own: ticks(11), ended: ticks(13) };
}
