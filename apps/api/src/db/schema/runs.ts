import type { KeyMode } from "@avatar/contract/api-keys";
import type { ErrorCode } from "@avatar/contract/errors";
import { sql } from "drizzle-orm";
import { doublePrecision, index, integer, pgTable, text, timestamp, uniqueIndex } from "drizzle-orm/pg-core";

const time = () => timestamp({ withTimezone: true, mode: "date", precision: 3 });

/**
 * `failed`: the engine said so. `lost`: its process died. `released`: its process stopped in good order.
 * `abandoned`: the job ended first (canceled or past its deadline).
 */
export type RunOutcome = "succeeded" | "failed" | "lost" | "released" | "abandoned";

/** Attempts to render a job. */
export const runs = pgTable(
  "runs",
  {
    id: text().primaryKey(),
    jobId: text().notNull(),
    /** That of its job. */
    mode: text().$type<KeyMode>().notNull().default("live"),
    engine: text().notNull(),
    /** What the engine calls it; null where it has no name of its own, or has not said so yet. */
    externalId: text(),
    /** The process that follows the run, and until when it may go unheard. */
    leaseOwner: text().notNull(),
    leaseUntil: time().notNull(),
    startedAt: time().notNull(),
    /** When a remote worker was first seen at work on it. */
    begunAt: time(),
    /** Until then a remote worker that nobody knows of may still write to the store. */
    linksUntil: time(),
    endedAt: time(),
    outcome: text().$type<RunOutcome>(),
    /** Why it failed. */
    code: text().$type<ErrorCode>(),
    /** The engine's error, for the operator. */
    reason: text(),
    /** What the engine asked for it, in whole seconds and in dollars. */
    billedSeconds: integer().notNull().default(0),
    costUsd: doublePrecision().notNull().default(0),
    /** When to delete what the run may have left in the store; null once that is done. */
    sweepAt: time(),
  },
  (table) => [
    index("runs_job").on(table.jobId),
    index("runs_open").on(table.leaseUntil).where(sql`${table.outcome} is null`),
    index("runs_sweep").on(table.sweepAt).where(sql`${table.sweepAt} is not null`),
    uniqueIndex("runs_one_success").on(table.jobId).where(sql`${table.outcome} = 'succeeded'`),
  ],
);
