/**
 * The promises about speed, on the whole product: keys, limits, validation and metrics on, every accepted job synced to
 * disk. Ends with one line for each promise. `--json` prints the same, with every figure behind it, as one document;
 * what happens meanwhile goes to stderr.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { measureClaim } from "./claim.ts";
import { measureCompletion } from "./completion-latency.ts";
import { measureHostileFiles } from "./hostile-files.ts";
import { measureLoad } from "./load.ts";
import { measureLostJobs } from "./lost-jobs.ts";
import { measureOverload } from "./overload.ts";
import { measurePreview } from "./preview.ts";
import { measureRunPod } from "./runpod-latency.ts";
import { measureStart } from "./start.ts";
import { type Context, findPeer, say } from "./support/context.ts";
import { type Line, show } from "./support/line.ts";
import { measureWaitingClients } from "./waiting-clients.ts";

const PARTS: Record<string, (context: Context) => Promise<Line[]>> = {
  load: measureLoad,
  lost: measureLostJobs,
  completion: measureCompletion,
  waiting: measureWaitingClients,
  runpod: measureRunPod,
  start: measureStart,
  overload: measureOverload,
  preview: measurePreview,
  claim: measureClaim,
  files: measureHostileFiles,
};

const { values } = parseArgs({
  options: {
    json: { type: "boolean", default: false },
    /** Some of the parts, with commas. */
    only: { type: "string", default: Object.keys(PARTS).join() },
    rounds: { type: "string", default: "5" },
    seconds: { type: "string", default: "3" },
    /** The folder of the FastAPI server. */
    peer: { type: "string" },
  },
});

const directory = await mkdtemp(join(tmpdir(), "avatar-bench-"));
const startedMs = performance.now();
const context: Context = {
  directory,
  rounds: Number(values.rounds),
  seconds: Number(values.seconds),
  peerFolder: findPeer(values.peer ?? process.env.FASTAPI_BASELINE),
};
const lines: Line[] = [];
const failed: string[] = [];
try {
  for (const part of values.only.split(",")) {
    const measure = PARTS[part];
    if (!measure) throw new Error(`there is no ${part}; there are ${Object.keys(PARTS).join(", ")}`);
    say(`\n== ${part}`);
    // The others say what they have to say all the same.
    const found = await measure(context).catch((error: unknown) => {
      say(`!! ${part} FAILED: ${error instanceof Error ? error.stack : error}`);
      failed.push(part);
      return [];
    });
    lines.push(...found);
    for (const line of found) say(show(line));
  }
} finally {
  await rm(directory, { recursive: true, force: true });
}
const machine = {
  processors: availableParallelism(),
  model: cpus()[0]?.model.trim(),
  node: process.version,
  minutes: Math.round((performance.now() - startedMs) / 6000) / 10,
};
if (values.json) {
  const { rounds, seconds, peerFolder } = context;
  const document = { ...machine, rounds, seconds, hasPeer: peerFolder !== undefined, failed, lines };
  process.stdout.write(`${JSON.stringify(document, undefined, 2)}\n`);
} else {
  console.log(`\n${machine.processors} x ${machine.model}, Node ${machine.node}, ${machine.minutes} minutes`);
  // The promises are the end.
  for (const line of lines.filter(({ aim }) => aim === undefined)) console.log(show(line));
  console.log("");
  for (const line of lines.filter(({ aim }) => aim !== undefined)) console.log(show(line));
}
process.exit(failed.length > 0 ? 1 : 0);
