import { bigint, index, jsonb, pgTable, text, timestamp } from "drizzle-orm/pg-core";

export type AuditAction = "created" | "updated" | "rotated" | "revoked";

/** Who did what to which key. Rows are only ever added. */
export const auditEvents = pgTable(
  "audit_events",
  {
    id: bigint({ mode: "number" }).primaryKey().generatedAlwaysAsIdentity(),
    at: timestamp({ withTimezone: true, mode: "date", precision: 3 }).notNull(),
    /** The id of a key, `cli`, or `server` for keys that it makes at its start. */
    actor: text().notNull(),
    action: text().$type<AuditAction>().notNull(),
    keyId: text().notNull(),
    /** What it was changed to. */
    details: jsonb().$type<Record<string, unknown>>().notNull(),
  },
  (table) => [index("audit_events_key").on(table.keyId, table.id)],
);
