import type { MediaType } from "@avatar/contract/limits";
import { sql } from "drizzle-orm";
import { index, integer, pgTable, text, timestamp } from "drizzle-orm/pg-core";

/** Input files. The object lives at `uploads/<id>`. */
export const uploads = pgTable(
  "uploads",
  {
    id: text().primaryKey(),
    owner: text().notNull(),
    contentType: text().$type<MediaType>().notNull(),
    /** Null until a file that came in a form has been received whole. */
    bytes: integer(),
    /** Hex; null where the customer gave none. */
    sha256: text(),
    createdAt: timestamp({ withTimezone: true, mode: "date" }).notNull(),
    expiresAt: timestamp({ withTimezone: true, mode: "date" }).notNull(),
    /** When the object was deleted. The row stays, so that a repeated request is still recognised. */
    deletedAt: timestamp({ withTimezone: true, mode: "date" }),
  },
  (table) => [
    index("uploads_expiry")
      .on(table.expiresAt)
      .where(sql`${table.deletedAt} is null or ${table.deletedAt} < ${table.expiresAt}`),
  ],
);
