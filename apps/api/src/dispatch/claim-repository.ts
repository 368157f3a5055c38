import type { KeyMode } from "@avatar/contract/api-keys";
import { and, count, eq, inArray, isNull, sql } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { LOCKS } from "../db/locks.ts";
import { nextVersion } from "../db/next-version.ts";
import { jobs, runs } from "../db/schema/schema.ts";
import { addUsage } from "../db/usage-counters.ts";
import type { NewId } from "../ids.ts";
import { type BudgetGate, judgeByBudget } from "./budget-gate-repository.ts";
import { type ClaimedRun, loadRuns } from "./claimed-run-repository.ts";
import { failedAt, failedUsage } from "./failed-jobs.ts";
import { leaseEnd } from "./lease-repository.ts";
import { lockNextJobs, type NextJob } from "./queue-repository.ts";

/** How often is looked whether a job that waits for open runs to tell their cost may begin. */
const BUDGET_POLL_MS = 2000;

/** How jobs become runs. */
export function createClaimRepository(db: Db, newId: NewId) {
  async function countOpen(tx: Db, engine: string): Promise<number> {
    const [row] = await tx
      .select({ n: count() })
      .from(runs)
      .where(and(isNull(runs.outcome), eq(runs.engine, engine)));
    return row?.n ?? 0;
  }

  async function postpone(tx: Db, waiting: readonly NextJob[], runAfter: Date): Promise<void> {
    if (waiting.length === 0) return;
    await tx
      .update(jobs)
      .set({ runAfter })
      .where(
        inArray(
          jobs.id,
          waiting.map(({ id }) => id),
        ),
      );
  }

  /** Jobs for which no money is left. */
  async function failQueued(tx: Db, refused: readonly NextJob[], now: Date): Promise<string[]> {
    if (refused.length === 0) return [];
    const error = {
      code: "budget_exhausted",
      detail: "The budget was used up before the job could begin.",
    } as const;
    const failed = await tx
      .update(jobs)
      .set({ ...failedAt(now), error })
      .where(
        inArray(
          jobs.id,
          refused.map(({ id }) => id),
        ),
      )
      .returning();
    await addUsage(tx, now, failed.map(failedUsage));
    return failed.map(({ id }) => id);
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
      const { now, mode, engine, startBy, linksUntil, maxOpen, budget } = newRuns;
      return db.transaction(async (tx) => {
        // Until the transaction ends, no other process begins runs that this one counts.
        if (maxOpen !== undefined || budget)
          await tx.execute(sql`select pg_advisory_xact_lock(${LOCKS.claim})`);
        const free = maxOpen === undefined ? limit : maxOpen - (await countOpen(tx, engine));
        if (free <= 0) return { claimed: [], refused: [] };
        const next = await lockNextJobs(tx, mode, Math.min(limit, free), now);
        const verdicts = budget && next.length > 0 ? await judgeByBudget(tx, next, budget, now) : [];
        const {
          begin: picked = [],
          wait = [],
          refuse = [],
        } = Object.groupBy(next, (_, at) => verdicts[at] ?? "begin");
        await postpone(tx, wait, new Date(now.getTime() + BUDGET_POLL_MS));
        const refused = await failQueued(tx, refuse, now);
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
  budget: BudgetGate | undefined;
}
