import type { MediaType } from "@avatar/contract/limits";
import { sql } from "drizzle-orm";
import { bigint, index, pgTable, text, timestamp } from "drizzle-orm/pg-core";

/** Input files. The object lives at `uploads/<id>`. */
export const uploads = pgTable(
  "uploads",
  {
    id: text().primaryKey(),
    owner: text().notNull(),
    contentType: text().$type<MediaType>().notNull(),
    /** Null until a file that came in a form has been received whole. */
    bytes: bigint({ mode: "number" }),
    /** Hex; null where the customer gave none. */
    sha256: text(),
    /** The store's own name for a file that comes in parts, until they are one object. */
    partsToken: text(),
    createdAt: timestamp({ withTimezone: true, mode: "date" }).notNull(),
    expiresAt: timestamp({ withTimezone: true, mode: "date" }).notNull(),
    /** When the object was deleted. The row stays, so that a repeated request is still recognised. */
    deletedAt: timestamp({ withTimezone: true, mode: "date" }),
  },
  (table) => [
    index("uploads_expiry")
      .on(table.expiresAt)
      .where(sql`${table.deletedAt} is null or ${table.deletedAt} < ${table.expiresAt}`),
    index("uploads_deleted").on(table.deletedAt),
  ],
);
