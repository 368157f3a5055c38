import type { KeyMode } from "@avatar/contract/api-keys";
import { and, asc, eq, gte, lte } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { usageDays } from "../db/schema/schema.ts";

export type UsageRow = typeof usageDays.$inferSelect;
export type UsageRepository = ReturnType<typeof createUsageRepository>;

export interface UsageFilter {
  mode: KeyMode;
  /** Undefined: of all. */
  owner: string | undefined;
  /** The first and the last day. */
  from: string;
  to: string;
}

export const createUsageRepository = (db: Db) => ({
  /** Oldest first. */
  async list({ mode, owner, from, to }: UsageFilter, limit: number): Promise<UsageRow[]> {
    return db
      .select()
      .from(usageDays)
      .where(
        and(
          eq(usageDays.mode, mode),
          owner === undefined ? undefined : eq(usageDays.owner, owner),
          gte(usageDays.day, from),
          lte(usageDays.day, to),
        ),
      )
      .orderBy(asc(usageDays.day), asc(usageDays.owner), asc(usageDays.keyId))
      .limit(limit);
  },
});
