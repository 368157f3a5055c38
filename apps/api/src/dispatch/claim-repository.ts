import type { KeyMode } from "@avatar/contract/api-keys";
import { and, asc, count, eq, inArray, isNull, sql } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { LOCKS } from "../db/locks.ts";
import { nextVersion } from "../db/next-version.ts";
import { jobs, runs } from "../db/schema/schema.ts";
import { addUsage } from "../db/usage-counters.ts";
import type { NewId } from "../ids.ts";
import { openBudgetGate, type RunBudget } from "./budget-gate-repository.ts";
import { type ClaimedRun, loadRuns } from "./claimed-run-repository.ts";
import { failedAt, failedUsage } from "./failed-jobs.ts";
import { leaseEnd } from "./lease-repository.ts";
import { lockNextJobs, type NextJob } from "./queue-repository.ts";

/** So many jobs fail at once for which no money is left. */
const REFUSED_BATCH = 100;

/** How jobs become runs. */
export function createClaimRepository(db: Db, newId: NewId) {
  async function countOpen(tx: Db, engine: string): Promise<number> {
    const [row] = await tx
      .select({ n: count() })
      .from(runs)
      .where(and(isNull(runs.outcome), eq(runs.engine, engine)));
    return row?.n ?? 0;
  }

  /** Jobs of keys for which no money is left. Those that another transaction changes come next time. */
  async function failQueued(tx: Db, mode: KeyMode, keyIds: string[], now: Date): Promise<string[]> {
    if (keyIds.length === 0) return [];
    const isQueued = sql`${jobs.status} = 'queued'`;
    const refused = await tx
      .select({ id: jobs.id })
      .from(jobs)
      .where(and(eq(jobs.mode, mode), inArray(jobs.keyId, keyIds), isQueued))
      .orderBy(asc(jobs.createdAt))
      .limit(REFUSED_BATCH)
      .for("update", { skipLocked: true });
    if (refused.length === 0) return [];
    const ids = refused.map(({ id }) => id);
    const error = {
      code: "budget_exhausted",
      detail: "The budget was used up before the job could begin.",
    } as const;
    const failed = await tx
      .update(jobs)
      .set({ ...failedAt(now), error })
      .where(inArray(jobs.id, ids))
      .returning();
    await addUsage(tx, now, failed.map(failedUsage));
    return ids;
  }

  /** Each job with a new run. */
  async function begin(
    tx: Db,
    picked: readonly NextJob[],
    leaseOwner: string,
    leaseMs: number,
    { now, mode, engine, startBy, linksUntil }: NewRuns,
  ): Promise<(typeof runs.$inferSelect)[]> {
    const begun: (typeof runs.$inferSelect)[] = [];
    for (const { id, audioSeconds } of picked) {
      const runId = newId("run");
      await tx
        .update(jobs)
        .set({
          status: "starting",
          version: nextVersion,
          updatedAt: now,
          deadlineAt: startBy,
          runId,
          progress: 0,
          startedAt: now,
        })
        .where(eq(jobs.id, id));
      const run = { id: runId, jobId: id, mode, engine, leaseOwner, startedAt: now };
      const until = linksUntil?.(audioSeconds) ?? null;
      const inserted = await tx
        .insert(runs)
        .values({ ...run, leaseUntil: leaseEnd(leaseMs), linksUntil: until })
        .returning();
      begun.push(...inserted);
    }
    return begun;
  }

  return {
    /**
     * Takes up to `limit` queued jobs, each with a new run under this process's lease.
     * @returns them, and the ids of jobs that failed as there is no money left for them
     */
    async claim(
      limit: number,
      leaseOwner: string,
      leaseMs: number,
      newRuns: NewRuns,
    ): Promise<{ claimed: ClaimedRun[]; refused: string[] }> {
      const { now, mode, engine, maxOpen, budget } = newRuns;
      return db.transaction(async (tx) => {
        // Until the transaction ends, no other process begins runs that this one counts.
        if (maxOpen !== undefined || budget)
          await tx.execute(sql`select pg_advisory_xact_lock(${LOCKS.claim})`);
        const free = maxOpen === undefined ? limit : Math.min(limit, maxOpen - (await countOpen(tx, engine)));
        if (free <= 0) return { claimed: [], refused: [] };
        const gate = budget && (await openBudgetGate(tx, budget, now));
        const begun: (typeof runs.$inferSelect)[] = [];
        while (!gate?.isShut()) {
          const next = await lockNextJobs(tx, mode, free - begun.length, now, gate?.closed());
          const picked = next.filter((job) => gate?.admits(job) ?? true);
          begun.push(...(await begin(tx, picked, leaseOwner, leaseMs, newRuns)));
          // Else what began may cost a key all that it has left: the places of its other jobs are for other keys.
          if (picked.length === next.length || picked.length === 0) break;
        }
        const refused = await failQueued(tx, mode, gate?.usedUp ?? [], now);
        return { claimed: await loadRuns(tx, begun, false), refused };
      });
    },
  };
}

interface NewRuns {
  now: Date;
  /** Whose jobs are taken. */
  mode: KeyMode;
  startBy: Date;
  engine: string;
  /** For a remote engine: how long links that its workers get can live. */
  linksUntil: ((audioSeconds: number) => Date) | undefined;
  /** No more runs than these at once on this engine, of all processes. */
  maxOpen: number | undefined;
  /** Where runs cost money. */
  budget: RunBudget | undefined;
}
