import type { KeyMode } from "@avatar/contract/api-keys";
import { and, eq, inArray, isNull, lt, sql } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { jobs, runs } from "../db/schema/schema.ts";
import { type ClaimedRun, loadRuns } from "./claimed-run-repository.ts";
import type { RunRef } from "./run-keys.ts";

/** Leases are in the database's time, so that replicas need no common clock. */
export const leaseEnd = (leaseMs: number) =>
  sql`clock_timestamp() + make_interval(secs => ${leaseMs / 1000})`;

/** Which process follows which run. */
export function createLeaseRepository(db: Db) {
  /** Those runs that still may change their job. */
  async function holding(runIds: string[]): Promise<string[]> {
    if (runIds.length === 0) return [];
    const rows = await db.select({ runId: jobs.runId }).from(jobs).where(inArray(jobs.runId, runIds));
    return rows.flatMap((row) => row.runId ?? []);
  }

  return {
    /** @returns those of `runIds` that are still this process's, and of them those that still may change their job. */
    async renewLeases(
      runIds: string[],
      leaseOwner: string,
      leaseMs: number,
    ): Promise<{ own: string[]; held: string[] }> {
      const renewed = await db
        .update(runs)
        .set({ leaseUntil: leaseEnd(leaseMs) })
        .where(and(inArray(runs.id, runIds), eq(runs.leaseOwner, leaseOwner), isNull(runs.outcome)))
        .returning({ id: runs.id });
      const own = renewed.map((run) => run.id);
      return { own, held: await holding(own) };
    },

    /** Lets any process take these runs up at once. */
    async handOver(runIds: string[], leaseOwner: string): Promise<void> {
      await db
        .update(runs)
        .set({ leaseUntil: new Date(0) })
        .where(and(inArray(runs.id, runIds), eq(runs.leaseOwner, leaseOwner), isNull(runs.outcome)));
    },

    /** Takes up runs that nobody follows. To be called with the locks of `lockUnfollowed`. */
    async adopt(runIds: string[], leaseOwner: string, leaseMs: number): Promise<ClaimedRun[]> {
      if (runIds.length === 0) return [];
      const rows = await db
        .update(runs)
        .set({ leaseOwner, leaseUntil: leaseEnd(leaseMs) })
        .where(inArray(runs.id, runIds))
        .returning();
      return loadRuns(db, rows, true);
    },

    /** Runs of the mode that nobody follows any more, locked until the transaction ends: only one replica gets each. */
    async lockUnfollowed(
      mode: KeyMode,
      limit: number,
    ): Promise<(RunRef & { engine: string; startedAt: Date; jobWaits: boolean })[]> {
      const open = await db
        .select({ runId: runs.id, jobId: runs.jobId, engine: runs.engine, startedAt: runs.startedAt })
        .from(runs)
        .where(and(eq(runs.mode, mode), isNull(runs.outcome), lt(runs.leaseUntil, sql`clock_timestamp()`)))
        .limit(limit)
        .for("update", { skipLocked: true });
      const held = await holding(open.map((run) => run.runId));
      return open.map((run) => ({ ...run, jobWaits: held.includes(run.runId) }));
    },
  };
}
