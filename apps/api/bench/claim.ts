import { chmod, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "drizzle-orm";
import { type Db, openDatabase } from "../src/db/client.ts";
import { createRunRepository } from "../src/dispatch/run-repository.ts";
import { newId } from "../src/ids.ts";
import { startPostgres } from "../test/support/postgres-server.ts";
import { quantile } from "./quantile.ts";

const ROUNDS = 50;
const FINISHED = 50_000;
const SHAPES = [
  { name: "5,000 queued by one owner", queued: 5000, owners: 1 },
  { name: "5,000 queued by 1,000 owners", queued: 5000, owners: 1000 },
];

/** Rows as the product makes them, but quickly. */
async function fill(db: Db, shape: (typeof SHAPES)[number]): Promise<void> {
  await db.execute(sql`truncate jobs, runs`);
  const insert = (count: number, status: string, deadline: string) =>
    db.execute(
      sql.raw(`insert into jobs (id, owner, key_id, status, created_at, updated_at, deadline_at, image_upload_id,
        audio_upload_id, audio_seconds, aspect, fit, seed, metadata, ttl_seconds, fingerprint, run_after, started_at)
      select 'job_${status}_' || n, 'owner_' || (n % ${shape.owners}), 'key', '${status}', now() + n * interval '1 ms',
        now(), ${deadline}, 'upload_1', 'upload_2', 3, 'auto', 'crop', 7, '{}', 21600, '', now(),
        ${status === "queued" ? "null" : "now()"}
      from generate_series(1, ${count}) n`),
    );
  await insert(FINISHED, "failed", "null");
  await insert(shape.queued, "queued", "now() + interval '1 hour'");
  await db.execute(sql`vacuum analyze jobs`);
}

async function measure(db: Db, database: string): Promise<void> {
  const runs = createRunRepository(db, newId);
  for (const shape of SHAPES) {
    await fill(db, shape);
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const start = performance.now();
      const now = new Date();
      await runs.claim(2, "bench", 60_000, {
        now,
        mode: "live",
        startBy: new Date(now.getTime() + 60_000),
        engine: "none",
        linksUntil: undefined,
        maxOpen: undefined,
        budget: undefined,
      });
      times.push(performance.now() - start);
    }
    const [p50, p99] = [quantile(times, 0.5), quantile(times, 0.99)];
    console.log(
      `claim of 2, ${database}, ${shape.name} and ${FINISHED} finished: p50 ${p50.toFixed(1)} ms p99 ${p99.toFixed(1)} ms ` +
        `(aim p50 ≤ 20) ${p50 <= 20 ? "met" : "missed"}`,
    );
  }
}

const directory = await mkdtemp(join(tmpdir(), "avatar-bench-"));
await chmod(directory, 0o755); // As root, Postgres runs as a user of its own.
const server = await startPostgres(join(directory, "postgres"));
const postgres = await openDatabase({ url: server.url });
await measure(postgres.db, "Postgres");
await postgres.close();
await server.stop();
const pglite = await openDatabase({ dataDir: join(directory, "pglite") });
await measure(pglite.db, "PGlite");
await pglite.close();
await rm(directory, { recursive: true });
process.exit(0);
