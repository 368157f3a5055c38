import { pgTable, text, timestamp } from "drizzle-orm/pg-core";

export const apiKeys = pgTable("api_keys", {
  id: text().primaryKey(),
  owner: text().notNull(),
  name: text().notNull(),
  /** SHA-256 of the key, in hex. The key itself is stored nowhere. */
  hash: text().notNull().unique(),
  createdAt: timestamp({ withTimezone: true, mode: "date" }).notNull(),
  revokedAt: timestamp({ withTimezone: true, mode: "date" }),
});
