import type { KeyMode } from "@avatar/contract/api-keys";
import { and, asc, eq, gt, lte, max, notInArray, type SQL, type SQLWrapper, sql } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { jobs } from "../db/schema/schema.ts";

export type NextJob = Pick<typeof jobs.$inferSelect, "id" | "keyId" | "audioSeconds">;

/** Of each queue so many more jobs are looked at, as other replicas may be about to take the first ones. */
const CLAIMED_ELSEWHERE = 20;

/** As JavaScript compares text. */
const inBytes = (text: SQLWrapper) => sql`${text} collate "C"`;

/**
 * Locks up to `limit` queued jobs of the mode whose turn it is. The owner with the fewest jobs running is first, then the
 * one whose last job began the longest ago, then the one whose oldest job is older. Of an owner's keys it is likewise, and
 * of a key's jobs the oldest is first. `queue-outlook.ts` tells customers this order.
 */
export async function lockNextJobs(
  tx: Db,
  mode: KeyMode,
  limit: number,
  now: Date,
  exceptKeys: string[] = [],
): Promise<NextJob[]> {
  const spare = limit + CLAIMED_ELSEWHERE;
  // Spelled as in the index, which a condition with a parameter could not use.
  const isQueued = sql`${jobs.status} = 'queued'`;
  const isDue = and(isQueued, lte(jobs.runAfter, now), notInArray(jobs.keyId, exceptKeys));
  const unfinished = tx
    .select({
      owner: jobs.owner,
      keyId: jobs.keyId,
      running: sql<number>`count(*) filter (where not ${isQueued})`.as("running"),
      ownRunning:
        sql<number>`sum(count(*) filter (where not ${isQueued})) over (partition by ${jobs.owner})`.as(
          "own_running",
        ),
      oldest: sql<Date | null>`min(${jobs.createdAt}) filter (where ${isDue})`.as("oldest"),
      ownOldest:
        sql<Date | null>`min(min(${jobs.createdAt}) filter (where ${isDue})) over (partition by ${jobs.owner})`.as(
          "own_oldest",
        ),
    })
    .from(jobs)
    .where(and(sql`${jobs.deadlineAt} is not null`, eq(jobs.mode, mode)))
    .groupBy(jobs.owner, jobs.keyId)
    .as("unfinished");
  const lastOf = (who: SQL | undefined, name: string) =>
    tx
      .select({ at: max(jobs.startedAt).as(`${name}_at`) })
      .from(jobs)
      .where(and(who, sql`${jobs.startedAt} is not null`))
      .as(name);
  const keyServed = lastOf(eq(jobs.keyId, unfinished.keyId), "key_served");
  const { owner, keyId, running, ownRunning, oldest, ownOldest } = unfinished;
  const keyOrder = sql`${keyServed.at} nulls first, ${oldest}, ${inBytes(keyId)}`;
  const keyPlace = sql<number>`row_number() over (partition by ${owner} order by ${running}, ${keyOrder})`;
  const waiting = tx
    .select({
      ...{ owner, keyId, running, oldest, ownRunning, ownOldest },
      keyServedAt: keyServed.at,
      keyPlace: keyPlace.as("key_place"),
    })
    .from(unfinished)
    .crossJoinLateral(keyServed)
    .where(sql`${oldest} is not null`)
    .as("waiting");
  const served = lastOf(and(eq(jobs.mode, mode), eq(jobs.owner, waiting.owner)), "served");
  // As many jobs as are wanted can be of so many keys at most.
  const keys = tx
    .select({
      owner: waiting.owner,
      keyId: waiting.keyId,
      running: waiting.running,
      oldest: waiting.oldest,
      keyServedAt: waiting.keyServedAt,
      ownRunning: waiting.ownRunning,
      ownOldest: waiting.ownOldest,
      servedAt: served.at,
    })
    .from(waiting)
    .crossJoinLateral(served)
    .orderBy(
      sql`${waiting.ownRunning} + ${waiting.keyPlace}`,
      sql`${served.at} nulls first`,
      waiting.ownOldest,
      inBytes(waiting.owner),
    )
    .limit(spare)
    .as("keys");
  const own = tx
    .select({
      id: jobs.id,
      place: sql<number>`row_number() over (order by ${jobs.createdAt}, ${jobs.id})`.as("place"),
    })
    .from(jobs)
    .where(and(eq(jobs.mode, mode), eq(jobs.owner, keys.owner), eq(jobs.keyId, keys.keyId), isDue))
    .orderBy(asc(jobs.createdAt), asc(jobs.id))
    .limit(spare)
    .as("own");
  const ownPlace = sql<number>`row_number() over (partition by ${keys.owner} order by ${keys.running} + ${own.place},
    ${keys.keyServedAt} nulls first, ${keys.oldest}, ${inBytes(keys.keyId)})`;
  const inTurn = tx
    .select({
      id: own.id,
      turn: sql<number>`${keys.ownRunning} + ${ownPlace}`.as("turn"),
      servedAt: keys.servedAt,
      ownOldest: keys.ownOldest,
      owner: keys.owner,
    })
    .from(keys)
    .crossJoinLateral(own)
    .as("in_turn");
  return tx
    .select({ id: jobs.id, keyId: jobs.keyId, audioSeconds: jobs.audioSeconds })
    .from(inTurn)
    .innerJoin(jobs, eq(jobs.id, inTurn.id))
    .where(and(isQueued, gt(jobs.deadlineAt, now)))
    .orderBy(inTurn.turn, sql`${inTurn.servedAt} nulls first`, inTurn.ownOldest, inBytes(inTurn.owner))
    .limit(limit)
    .for("update", { of: jobs, skipLocked: true });
}
