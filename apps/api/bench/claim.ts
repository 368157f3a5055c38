import { join } from "node:path";
import { sql } from "drizzle-orm";
import { type Db, openDatabase } from "../src/db/client.ts";
import { createRunRepository } from "../src/dispatch/run-repository.ts";
import { newId } from "../src/ids.ts";
import type { Context } from "./support/context.ts";
import { startDatabase } from "./support/database.ts";
import { type Line, showMs } from "./support/line.ts";
import { quantile } from "./support/quantile.ts";

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

async function measure(db: Db, database: string): Promise<Line[]> {
  const lines: Line[] = [];
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
    lines.push({
      name: `claim of 2, ${database}, ${shape.name}`,
      value: `p50 ${showMs(p50)} ms p99 ${showMs(p99)} ms`,
      aim: "p50 ≤ 20",
      isMet: p50 <= 20,
      note: `beside ${FINISHED.toLocaleString("en")} that are finished`,
      figures: { p50, p99 },
    });
  }
  return lines;
}

/** How long a replica takes to find the next jobs in a long queue. The aim is our own. */
export async function measureClaim({ directory }: Context): Promise<Line[]> {
  const server = await startDatabase(directory, "postgres-claim");
  const postgres = await openDatabase({ url: server.url });
  const lines = await measure(postgres.db, "Postgres");
  await postgres.close();
  await server.stop();
  const pglite = await openDatabase({ dataDir: join(directory, "pglite-claim") });
  lines.push(...(await measure(pglite.db, "PGlite")));
  await pglite.close();
  return lines;
}
