import type { KeyLimits } from "@avatar/contract/key-types";
import { and, eq, gte } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { apiKeys, budgetWarnings, usageDays } from "../db/schema/schema.ts";
import { monthStart, type Spent, spentByAll, spentByKey } from "../db/usage-counters.ts";

export type BudgetRepository = ReturnType<typeof createBudgetRepository>;

/** Whose budget: the id of a key, or `service`. */
type Warning = typeof budgetWarnings.$inferInsert;

export const createBudgetRepository = (db: Db) => ({
  spentByAll: (now: Date): Promise<Spent> => spentByAll(db, now),

  async spentByKey(keyId: string, now: Date): Promise<Spent | undefined> {
    return (await spentByKey(db, [keyId], now)).get(keyId);
  },

  async limitsOf(keyId: string): Promise<KeyLimits | undefined> {
    const [row] = await db.select({ limits: apiKeys.limits }).from(apiKeys).where(eq(apiKeys.id, keyId));
    return row?.limits;
  },

  /** The live keys that were used this month. */
  async keysInUse(now: Date): Promise<string[]> {
    const rows = await db
      .selectDistinct({ keyId: usageDays.keyId })
      .from(usageDays)
      .where(and(eq(usageDays.mode, "live"), gte(usageDays.day, monthStart(now))));
    return rows.map(({ keyId }) => keyId);
  },

  /** @returns those that nobody had written down */
  async insert(warnings: Warning[]): Promise<Warning[]> {
    if (warnings.length === 0) return [];
    return db.insert(budgetWarnings).values(warnings).onConflictDoNothing().returning();
  },
});
