import { join } from "node:path";
import { simpleWorker, startFakeRunPod } from "@avatar/fake-runpod";
import { pino } from "pino";
import { startApp } from "../src/app.ts";
import { parseConfig } from "../src/config.ts";
import { aVideo } from "../test/media/a-video.ts";
import { uploadFixtures } from "../test/support/fixtures.ts";
import { createRest } from "../test/support/rest.ts";
import { type Context, KEY, NO_LIMITS, say } from "./support/context.ts";
import { startDatabase } from "./support/database.ts";
import { type Line, showMs } from "./support/line.ts";
import { quantile } from "./support/quantile.ts";

const JOBS = 200;
const WAYS = [
  { name: "by webhook", hasWebhooks: true },
  { name: "by polling", hasWebhooks: false },
];

/** P6: from the answer that a job is accepted to the call of RunPod, and from the end of its run to its client. */
export async function measureRunPod({ directory }: Context): Promise<Line[]> {
  const database = await startDatabase(directory, "postgres-runpod");
  const lines: Line[] = [];
  for (const way of WAYS) lines.push(...(await measure(way, database.url, directory)));
  await database.stop();
  return lines;
}

interface Link {
  url: string;
  headers?: Record<string, string>;
}

interface Input {
  runId: string;
  audioSeconds: number;
  claim: { put: Link };
  video: Link;
}

const put = async ({ url, headers = {} }: Link, body: Uint8Array) => {
  const { ok, status } = await fetch(url, { method: "PUT", headers, body: new Uint8Array(body) });
  if (!ok) throw new Error(`a PUT was answered with ${status}`);
};

/** One job after the other through RunPod's stand-in, with a worker that has its video at once. */
async function measure(
  { name, hasWebhooks }: (typeof WAYS)[number],
  databaseUrl: string,
  directory: string,
): Promise<Line[]> {
  const runpod = await startFakeRunPod({
    startWorker: (env) =>
      simpleWorker(env, async (given) => {
        const input = given as Input;
        await put(input.claim.put, Buffer.from(JSON.stringify({ runId: input.runId })));
        await put(input.video, aVideo({ seconds: input.audioSeconds, note: "bench" }));
        return { output: {} };
      }),
    queueDelayMs: 0,
    idleTimeoutMs: 600_000,
    rateLimits: { run: 1_000_000, status: 1_000_000, health: 1_000_000 },
  });
  if (!hasWebhooks) runpod.webhookFaults = () => ({ times: 0 });
  const calledAtMs: number[] = [];
  runpod.faults = (operation) => {
    if (operation === "run") calledAtMs.push(performance.now());
    return undefined;
  };
  let endedAtMs = 0;
  runpod.platform.on("ended", () => {
    endedAtMs = performance.now();
  });
  const app = await startApp(
    parseConfig({
      ...NO_LIMITS,
      DATABASE_URL: databaseUrl,
      DATA_DIR: join(directory, name.replaceAll(" ", "-")),
      PORT: "0",
      BOOTSTRAP_API_KEY: KEY,
      ENGINE: "runpod",
      RUNPOD_API_KEY: runpod.apiKey,
      RUNPOD_ENDPOINT_ID: runpod.endpointId,
      RUNPOD_BASE_URL: runpod.baseUrl,
      KEEP_ALIVE_HOURS: "0",
    }),
    { log: pino({ level: "silent" }) },
  );
  const rest = createRest(app.url, KEY);
  const inputs = await uploadFixtures(rest);
  const [called, done]: [number[], number[]] = [[], []];
  const jobs = hasWebhooks ? JOBS : JOBS / 10;
  for (let n = 0; n < jobs; n++) {
    const created = await rest("POST", "/v1/jobs", inputs);
    const acceptedAtMs = performance.now();
    let { id, version, status } = created.body;
    while (!["succeeded", "failed"].includes(status)) {
      const answer = await rest("GET", `/v1/jobs/${id}?wait=30&after=${version}`);
      ({ id, version, status } = answer.body);
    }
    if (status !== "succeeded") throw new Error(`a job ended as ${status}`);
    // RunPod may be called before the answer of the request is read.
    called.push(Math.max((calledAtMs.at(-1) ?? 0) - acceptedAtMs, 0));
    done.push(performance.now() - endedAtMs);
  }
  await app.stop();
  await runpod.stop();
  say(`P6 ${name}: ${jobs} jobs are measured`);
  const show = (times: number[]) =>
    `p50 ${showMs(quantile(times, 0.5))} ms p99 ${showMs(quantile(times, 0.99))} ms`;
  const accepted: Line = {
    name: "P6 accept to /run",
    value: show(called),
    aim: "p50 ≤ 10, p99 ≤ 50",
    isMet: quantile(called, 0.5) <= 10 && quantile(called, 0.99) <= 50,
    note: `${jobs} jobs`,
    figures: { p50: quantile(called, 0.5), p99: quantile(called, 0.99) },
  };
  const ended: Line = {
    name: `P6 end at RunPod to the client's answer, ${name}`,
    value: show(done),
    note: `${jobs} jobs`,
    figures: { p50: quantile(done, 0.5), p99: quantile(done, 0.99) },
  };
  return hasWebhooks ? [accepted, ended] : [ended];
}
