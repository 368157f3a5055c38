import type { KeyMode, Scope } from "@avatar/contract/api-keys";
import type { KeyLimits } from "@avatar/contract/key-types";
import { sql } from "drizzle-orm";
import { index, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";

const time = () => timestamp({ withTimezone: true, mode: "date", precision: 3 });

export const apiKeys = pgTable(
  "api_keys",
  {
    id: text().primaryKey(),
    /** Of a child key: the key that made it. */
    parentId: text(),
    /** And the hash of the text which made it: with that it ends. */
    parentHash: text(),
    owner: text().notNull(),
    name: text().notNull(),
    mode: text().$type<KeyMode>().notNull().default("live"),
    scopes: jsonb().$type<Scope[]>().notNull().default(["generate", "read"]),
    /** What was asked for; the deployment's defaults are added when it is read. */
    limits: jsonb().$type<KeyLimits>().notNull().default({}),
    /** SHA-256 of the key, in hex. The key itself is stored nowhere. */
    hash: text().notNull().unique(),
    lastFour: text().notNull().default(""),
    /** What it was before its rotation, and until when that works. */
    previousHash: text().unique(),
    previousUntil: time(),
    createdAt: time().notNull(),
    expiresAt: time(),
    lastUsedAt: time(),
    revokedAt: time(),
  },
  (table) => [
    index("api_keys_created").on(table.createdAt, table.id).where(sql`${table.parentId} is null`),
    index("api_keys_expiry").on(table.expiresAt),
  ],
);
