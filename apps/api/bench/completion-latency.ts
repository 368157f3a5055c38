import { join } from "node:path";
import { pino } from "pino";
import { startApp } from "../src/app.ts";
import { parseConfig } from "../src/config.ts";
import { createJobChanges } from "../src/jobs/job-changes.ts";
import { uploadFixtures } from "../test/support/fixtures.ts";
import { createRest, type Rest } from "../test/support/rest.ts";
import { createScriptedEngine, type ScriptedEngine } from "../test/support/scripted-engine.ts";
import { type Context, KEY, NO_LIMITS, say } from "./support/context.ts";
import { startDatabase } from "./support/database.ts";
import { type Line, showMs } from "./support/line.ts";
import { quantile } from "./support/quantile.ts";

const CLIENTS = 200;
const MINUTE_MS = 60_000;

/** P4: how late a client that waits knows of the end of its job, and how often it has to ask. */
export async function measureCompletion({ directory, rounds }: Context): Promise<Line[]> {
  const database = await startDatabase(directory, "postgres-completion");
  const env = { DATA_DIR: join(directory, "data-completion"), DATABASE_URL: database.url };
  const lines = await measure("Postgres", env, rounds);
  await database.stop();
  return [
    ...lines,
    ...(await measure("PGlite", { DATA_DIR: join(directory, "embedded-completion") }, rounds)),
  ];
}

/** 200 clients wait; one job after the other ends. From the report being stored to the answer being read. */
async function measure(name: string, env: Record<string, string>, rounds: number): Promise<Line[]> {
  let engine: ScriptedEngine | undefined;
  const storedAtMs = new Map<string, number>();
  const app = await startApp(
    parseConfig({
      ...env,
      ...NO_LIMITS,
      PORT: "0",
      BOOTSTRAP_API_KEY: KEY,
      MAX_RUNS_IN_FLIGHT: String(CLIENTS),
    }),
    {
      log: pino({ level: "silent" }),
      createEngine: (store) => {
        engine = createScriptedEngine(store);
        return engine;
      },
      createJobChanges(deps) {
        const changes = createJobChanges(deps);
        const { publish } = changes;
        const note = (...ids: string[]) => {
          for (const id of ids) storedAtMs.set(id, performance.now()); // The last one counts.
          publish(...ids);
        };
        return Object.defineProperty(changes, "publish", { value: note });
      },
      // Leases are of no interest here, and a busy machine must not lose them.
      dispatcher: { leaseMs: 600_000 },
    },
  );
  const rest = createRest(app.url, KEY);
  const inputs = await uploadFixtures(rest);
  const times: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const releases = Array.from({ length: CLIENTS }, () => Promise.withResolvers<void>());
    if (engine) engine.scripts = releases.map(({ promise }) => ({ hold: promise }));
    const first = engine?.started.length ?? 0;
    for (let i = 0; i < CLIENTS; i++) await rest("POST", "/v1/jobs", inputs);
    while ((engine?.started.length ?? 0) < first + CLIENTS) await new Promise(setImmediate);
    const ids = engine?.started.slice(first).map((run) => run.jobId) ?? [];
    const answers = ids.map(async (id) => {
      let answer = await rest("GET", `/v1/jobs/${id}?wait=30`);
      while (answer.body.status !== "succeeded")
        answer = await rest("GET", `/v1/jobs/${id}?wait=30&after=${answer.body.version}`);
      times.push(performance.now() - (storedAtMs.get(id) ?? Number.NaN));
    });
    await rest("GET", "/v1/jobs"); // Behind the waiting ones.
    for (const [i, answer] of answers.entries()) {
      releases[i]?.resolve();
      await answer;
    }
  }
  say(`P4 ${name}: ${times.length} completions are measured`);
  const requests = engine && name === "Postgres" ? await requestsPerMinute(rest, engine, inputs) : undefined;
  await app.stop();
  const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
  return [
    {
      name: `P4 ${name}`,
      value: `p50 ${showMs(p50)} ms p99 ${showMs(p99)} ms`,
      aim: "p50 ≤ 10, p99 ≤ 50",
      isMet: p50 <= 10 && p99 <= 50,
      note: `${CLIENTS} waiting clients, ${times.length} completions`,
      figures: { p50, p99 },
    },
    ...(requests === undefined
      ? []
      : [
          {
            name: "P4 requests in a minute of waiting",
            value: String(requests),
            aim: "≤ 2",
            isMet: requests <= 2,
            figures: { requests },
          },
        ]),
  ];
}

/** Of a client that waits by long-poll for a job that does not end. */
async function requestsPerMinute(rest: Rest, engine: ScriptedEngine, inputs: unknown): Promise<number> {
  const end = Promise.withResolvers<void>();
  engine.scripts = [{ hold: end.promise }];
  const first = engine.started.length;
  let { body: job } = await rest("POST", "/v1/jobs", inputs);
  while (engine.started.length === first || job.status !== "running")
    ({ body: job } = await rest("GET", `/v1/jobs/${job.id}?wait=1`));
  const untilMs = performance.now() + MINUTE_MS;
  let requests = 0;
  while (performance.now() < untilMs) {
    requests += 1;
    ({ body: job } = await rest("GET", `/v1/jobs/${job.id}?wait=30&after=${job.version}`));
  }
  end.resolve();
  return requests;
}
