import { pgTable, text, timestamp } from "drizzle-orm/pg-core";

/** When each engine was last kept from being taken down for want of use. */
export const keepAlives = pgTable("keep_alives", {
  engine: text().primaryKey(),
  sentAt: timestamp({ withTimezone: true, mode: "date", precision: 3 }).notNull(),
});
