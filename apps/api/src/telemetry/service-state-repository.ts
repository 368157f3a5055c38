import type { KeyMode } from "@avatar/contract/api-keys";
import { and, eq, isNotNull, sql } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { jobs } from "../db/schema/schema.ts";

/** Of the jobs of one mode that are in one state. */
interface JobsInState {
  mode: KeyMode;
  state: "queued" | "starting" | "running";
  count: number;
  /** How long the oldest has been in it. */
  oldestSeconds: number;
  /** Their deadlines are over. */
  overdue: number;
  /** They could begin now, and the first of them has waited for so long. */
  due: number;
  waitSeconds: number;
}

export interface ServiceState {
  jobs: JobsInState[];
  retentionLagSeconds: number;
}

/** Every one, so that there is a zero where there is no job. */
const STATES = sql`(values ('live', 'queued'), ('live', 'starting'), ('live', 'running'),
  ('test', 'queued'), ('test', 'starting'), ('test', 'running')) as wanted (mode, state)`;

/** How the service is: one look, at indexes that have only unfinished jobs and what is to be deleted. */
export const createServiceStateRepository = (db: Db) => ({
  async read(time: Date): Promise<ServiceState> {
    const now = sql`${time.toISOString()}::timestamptz`;
    const secondsSince = (then: ReturnType<typeof sql>) =>
      sql<number>`coalesce(greatest(extract(epoch from ${now} - ${then}), 0), 0)::double precision`;
    const isDue = sql`${jobs.status} = 'queued' and ${jobs.runAfter} <= ${now}`;
    const countIf = (condition: ReturnType<typeof sql>) =>
      sql<number>`(count(*) filter (where ${condition}))::int`;
    const rows = await db
      .select({
        mode: sql<KeyMode>`wanted.mode`,
        state: sql<JobsInState["state"]>`wanted.state`,
        count: countIf(sql`${jobs.id} is not null`),
        oldestSeconds: secondsSince(
          sql`min(case ${jobs.status} when 'queued' then ${jobs.createdAt} when 'starting' then ${jobs.startedAt}
            else ${jobs.runningAt} end)`,
        ),
        overdue: countIf(sql`${jobs.deadlineAt} < ${now}`),
        due: countIf(isDue),
        waitSeconds: secondsSince(sql`min(${jobs.runAfter}) filter (where ${isDue})`),
        retentionLagSeconds: secondsSince(sql`least(
          (select min(video_expires_at) from jobs where video_key is not null),
          (select min(sweep_at) from runs where sweep_at is not null))`),
      })
      .from(STATES)
      .leftJoin(
        jobs,
        and(isNotNull(jobs.deadlineAt), eq(jobs.mode, sql`wanted.mode`), eq(jobs.status, sql`wanted.state`)),
      )
      .groupBy(sql`wanted.mode`, sql`wanted.state`);
    return {
      jobs: rows.map(({ retentionLagSeconds: _, ...state }) => state),
      retentionLagSeconds: rows[0]?.retentionLagSeconds ?? 0,
    };
  },
});
