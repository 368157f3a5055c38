import { doublePrecision, pgTable, primaryKey, text, timestamp } from "drizzle-orm/pg-core";

/** What operators were told of budgets, so that they are told once. */
export const budgetWarnings = pgTable(
  "budget_warnings",
  {
    /** The id of a key, or `service`. */
    of: text().notNull(),
    /** The day or the month, in UTC: `2026-11-25` or `2026-11`. */
    period: text().notNull(),
    share: doublePrecision().notNull(),
    at: timestamp({ withTimezone: true, mode: "date", precision: 3 }).notNull(),
  },
  (table) => [primaryKey({ columns: [table.of, table.period, table.share] })],
);
