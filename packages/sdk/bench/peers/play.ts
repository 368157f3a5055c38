import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { CASES, type Case, type CaseName } from "./cases.ts";
import type { Peer } from "./peers.ts";
import { startServer } from "./server.ts";

/** What a client's process tells. */
interface Report {
  error?: string;
  ms: number;
  msAfterAbort?: number;
  settledAt: number;
  peakBytes: number;
}

export interface Outcome {
  ended: "resolves" | "rejects" | "crashes" | "hangs";
  report?: Report | undefined;
  /** The end of what it wrote to stderr, of a crash. */
  stderr?: string;
  jobs: number;
  canceled: boolean;
  hasIdempotencyKey: boolean;
  /** From the end of the job to that of the call. */
  lateMs?: number | undefined;
  /** Between the first create and the second. */
  gapMs?: number | undefined;
  gets: number;
  /** Requests after the call has settled, a cancel not counted. */
  leftover: number;
}

export const DEADLINE_MS = 25_000;
/** How long the server watches a client that has settled. */
const WATCH_MS = 3000;

export async function play(peer: Peer, name: CaseName, folder: string): Promise<Outcome> {
  const harm: Case = CASES[name];
  const server = await startServer(peer.dialect, harm);
  const args = [peer.client, server.url, String(harm.abortAfterMs ?? 0)];
  if (harm.uploads) args.push(join(folder, "speech.wav"));
  // Without the variables of this process: some SDKs read their keys and addresses from there.
  const child = fork(join(folder, "play.mjs"), args, {
    cwd: folder,
    env: { PATH: process.env.PATH },
    execArgv: [],
    stdio: ["ignore", "ignore", "pipe", "ipc"],
  });
  let report: Report | undefined;
  let stderr = "";
  child.on("message", (message) => {
    report = message as Report;
  });
  child.stderr?.on("data", (text) => {
    stderr += text;
  });
  try {
    const exit = once(child, "exit");
    await Promise.race([once(child, "message"), exit, sleep(DEADLINE_MS, undefined, { ref: false })]);
    if (report) await Promise.race([exit, sleep(WATCH_MS, undefined, { ref: false })]);
    const hasCrashed = child.exitCode !== null && child.exitCode !== 0;
    child.kill("SIGKILL");
    await exit;
    const settled = report?.error ? "rejects" : "resolves";
    const ended = hasCrashed ? "crashes" : report ? settled : "hangs";
    return { ended, report, ...(hasCrashed && { stderr: stderr.slice(-500) }), ...facts(server, report) };
  } finally {
    await server.close();
  }
}

function facts({ seen, jobs }: Awaited<ReturnType<typeof startServer>>, report: Report | undefined) {
  const creates = seen.filter(({ kind }) => kind === "create");
  const [first, second] = creates;
  const [job] = jobs.values();
  const settledAt = report?.settledAt ?? Number.POSITIVE_INFINITY;
  return {
    jobs: jobs.size,
    canceled: seen.some(({ kind }) => kind === "cancel"),
    hasIdempotencyKey: creates.some(({ hasIdempotencyKey }) => hasIdempotencyKey),
    lateMs: job && report && settledAt - job.endsAt,
    gapMs: first && second && second.at - first.at,
    gets: seen.filter(({ kind }) => kind === "poll" || kind === "result").length,
    leftover: seen.filter(({ at, kind }) => at > settledAt && kind !== "cancel").length,
  };
}
