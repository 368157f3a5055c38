import { integer, pgTable, text, timestamp } from "drizzle-orm/pg-core";

/** How many requests a key has sent within the minute that its first one began. */
export const requestWindows = pgTable("request_windows", {
  keyId: text().primaryKey(),
  startedAt: timestamp({ withTimezone: true, mode: "date" }).notNull(),
  /** Those that were let through. */
  used: integer().notNull(),
  /** How many of those that were last asked for. */
  granted: integer().notNull(),
});
