import { and, asc, eq, gt, isNotNull, lte, max, sql } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { jobs } from "../db/schema/schema.ts";

/** Of each owner's queue so many more jobs are looked at, as other replicas may be about to take the first ones. */
const CLAIMED_ELSEWHERE = 20;

/**
 * Locks up to `limit` queued jobs whose turn it is. The owner with the fewest jobs running is first, then the one whose
 * last job began the longest ago; of an owner's jobs, the oldest.
 */
export async function lockNextJobs(
  tx: Db,
  limit: number,
  now: Date,
): Promise<{ id: string; audioSeconds: number }[]> {
  const spare = limit + CLAIMED_ELSEWHERE;
  // Spelled as in the index, which a condition with a parameter could not use.
  const isQueued = sql`${jobs.status} = 'queued'`;
  const waiting = tx
    .select({
      owner: jobs.owner,
      running: sql<number>`count(*) filter (where not ${isQueued})`.as("running"),
    })
    .from(jobs)
    .where(isNotNull(jobs.deadlineAt)) // All unfinished ones.
    .groupBy(jobs.owner)
    .having(sql`bool_or(${isQueued} and ${lte(jobs.runAfter, now)})`)
    .as("waiting");
  const served = tx
    .select({ at: max(jobs.startedAt).as("at") })
    .from(jobs)
    .where(eq(jobs.owner, waiting.owner))
    .as("served");
  // As many jobs as are wanted can belong to so many owners at most.
  const owners = tx
    .select({ owner: waiting.owner, running: waiting.running, servedAt: served.at })
    .from(waiting)
    .crossJoinLateral(served)
    .orderBy(waiting.running, sql`${served.at} nulls first`)
    .limit(spare)
    .as("owners");
  const own = tx
    .select({
      id: jobs.id,
      place: sql<number>`row_number() over (order by ${jobs.createdAt}, ${jobs.id})`.as("place"),
    })
    .from(jobs)
    .where(and(eq(jobs.owner, owners.owner), isQueued, lte(jobs.runAfter, now)))
    .orderBy(asc(jobs.createdAt), asc(jobs.id))
    .limit(spare)
    .as("own");
  return tx
    .select({ id: jobs.id, audioSeconds: jobs.audioSeconds })
    .from(owners)
    .crossJoinLateral(own)
    .innerJoin(jobs, eq(jobs.id, own.id))
    .where(and(isQueued, gt(jobs.deadlineAt, now)))
    .orderBy(
      sql`${owners.running} + ${own.place}`,
      sql`${owners.servedAt} nulls first`,
      asc(jobs.createdAt),
      asc(jobs.id),
    )
    .limit(limit)
    .for("update", { of: jobs, skipLocked: true });
}
