import { and, asc, eq, isNull } from "drizzle-orm";
import type { Db } from "../../src/db/client.ts";
import { jobs, runs } from "../../src/db/schema/schema.ts";
import type { JobRow, NewJobRow } from "../../src/jobs/job-repository.ts";
import { insertJob } from "./rows.ts";
import type { TestApi } from "./test-api.ts";
import { until } from "./until.ts";

const HOUR_MS = 3_600_000;

/** A job that the dispatcher takes; its input files do not exist, which a scripted engine does not mind. */
export function queueJob(api: Pick<TestApi, "db">, job: Partial<NewJobRow> = {}): Promise<JobRow> {
  const now = Date.now();
  return insertJob(api, { runAfter: new Date(now), deadlineAt: new Date(now + HOUR_MS), ...job });
}

export async function jobRow(db: Db, id: string): Promise<JobRow> {
  const [row] = await db.select().from(jobs).where(eq(jobs.id, id));
  if (!row) throw new Error(`there is no job ${id}`);
  return row;
}

export const runsOf = (db: Db, jobId: string) =>
  db.select().from(runs).where(eq(runs.jobId, jobId)).orderBy(asc(runs.startedAt));

/** How the runs of a job ended, first to last. */
export const outcomesOf = async (db: Db, jobId: string) =>
  (await runsOf(db, jobId)).map((run) => run.outcome);

export const untilStatus = (db: Db, id: string, status: JobRow["status"]): Promise<JobRow> =>
  until(`job ${id} is ${status}`, async () => {
    const row = await jobRow(db, id);
    return row.status === status && row;
  });

/** Lets the pauses before further runs pass. */
export const untilEnded = (api: TestApi, id: string, status: "succeeded" | "failed"): Promise<JobRow> =>
  until(`the job has ${status}`, async () => {
    const job = await jobRow(api.db, id);
    if (job.status === "queued") api.advance(1000);
    return job.status === status && job;
  });

/** As if the process that follows the job's run were not heard of any more, until another takes the job. */
export async function loseRun(db: Db, jobId: string): Promise<void> {
  const run = (await runsOf(db, jobId)).at(-1);
  if (!run) throw new Error(`job ${jobId} has no run`);
  await until(`${run.id} is lost`, async () => {
    // Again, as its process may renew the lease in between.
    await db
      .update(runs)
      .set({ leaseUntil: new Date(0) })
      .where(and(eq(runs.id, run.id), isNull(runs.outcome)));
    return (await runsOf(db, jobId)).some(({ id, outcome }) => id === run.id && outcome === "lost");
  });
}
