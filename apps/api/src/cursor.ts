import { AppError } from "./errors.ts";
import type { IdPrefix } from "./ids.ts";

/** Where a page ends: newest first, ids break ties. */
export interface PageCursor {
  createdAt: Date;
  id: string;
}

/** The first `limit` of `rows`, of which one more was read than that, and where the next page begins. */
export function toPage<Row extends PageCursor>(rows: Row[], limit: number) {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const nextCursor = rows.length > limit && last ? `${last.createdAt.getTime()}_${last.id}` : undefined;
  return { items, nextCursor };
}

/** @throws AppError `invalid_input` */
export function parseCursor(text: string | undefined, prefix: IdPrefix): PageCursor | undefined {
  if (text === undefined) return undefined;
  // 13 digits reach the year 2286; Postgres refuses dates that take many more.
  const match = /^(\d{1,13})_([a-z]+_[0-9a-f]{32})$/.exec(text);
  if (!match?.[1] || !match[2]?.startsWith(`${prefix}_`))
    throw new AppError("invalid_input", {
      detail: "The cursor is not one that a page returned.",
      issues: [{ path: "cursor", message: "expected the nextCursor of a page" }],
    });
  return { createdAt: new Date(Number(match[1])), id: match[2] };
}
