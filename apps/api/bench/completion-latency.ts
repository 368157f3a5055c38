import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withChecksum } from "@avatar/contract/api-keys";
import { pino } from "pino";
import { startApp } from "../src/app.ts";
import { parseConfig } from "../src/config.ts";
import { createJobChanges } from "../src/jobs/job-changes.ts";
import { uploadFixtures } from "../test/support/fixtures.ts";
import { startPostgres } from "../test/support/postgres-server.ts";
import { createRest } from "../test/support/rest.ts";
import { createScriptedEngine, type ScriptedEngine } from "../test/support/scripted-engine.ts";
import { quantile } from "./quantile.ts";

const CLIENTS = 200;
const ROUNDS = 5;
const KEY = withChecksum(`avk_live_${"B".repeat(34)}`);

/** 200 clients wait; one job after the other ends. From the report being stored to the answer being read. */
async function measure(name: string, env: Record<string, string>): Promise<void> {
  let engine: ScriptedEngine | undefined;
  const storedAtMs = new Map<string, number>();
  const app = await startApp(
    parseConfig({ ...env, PORT: "0", BOOTSTRAP_API_KEY: KEY, MAX_RUNS_IN_FLIGHT: String(CLIENTS) }),
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
  for (let round = 0; round < ROUNDS; round++) {
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
  await app.stop();
  const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
  const isMet = p50 <= 10 && p99 <= 50;
  console.log(
    `P4 p50 ${p50.toFixed(1)} ms p99 ${p99.toFixed(1)} ms (aim p50 ≤ 10, p99 ≤ 50) ${isMet ? "met" : "missed"}: ` +
      `${name}, ${CLIENTS} waiting clients, ${times.length} completions`,
  );
}

const directory = await mkdtemp(join(tmpdir(), "avatar-bench-"));
await chmod(directory, 0o755); // As root, Postgres runs as a user of its own.
const server = await startPostgres(join(directory, "postgres"));
await measure("Postgres", { DATA_DIR: join(directory, "data"), DATABASE_URL: server.url });
await server.stop();
await measure("PGlite", { DATA_DIR: join(directory, "embedded") });
await rm(directory, { recursive: true });
process.exit(0);
