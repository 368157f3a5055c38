import type { KeyMode } from "@avatar/contract/api-keys";
import { date, doublePrecision, index, integer, pgTable, primaryKey, text } from "drizzle-orm/pg-core";

/** What each key had on each day in UTC. It outlives the jobs that it was summed from. */
export const usageDays = pgTable(
  "usage_days",
  {
    day: date({ mode: "string" }).notNull(),
    keyId: text().notNull(),
    owner: text().notNull(),
    mode: text().$type<KeyMode>().notNull(),
    /** Created on that day; all else counts on the day it happened. */
    jobs: integer().notNull().default(0),
    succeeded: integer().notNull().default(0),
    failed: integer().notNull().default(0),
    canceled: integer().notNull().default(0),
    videoSeconds: doublePrecision().notNull().default(0),
    gpuSeconds: integer().notNull().default(0),
    costUsd: doublePrecision().notNull().default(0),
    /** Of these, of runs that failed by our fault: they count for no quota, and for no budget of the key. */
    forgivenGpuSeconds: integer().notNull().default(0),
    forgivenUsd: doublePrecision().notNull().default(0),
  },
  (table) => [
    primaryKey({ columns: [table.keyId, table.day] }),
    index("usage_days_owner").on(table.owner, table.day),
    index("usage_days_day").on(table.day),
  ],
);
