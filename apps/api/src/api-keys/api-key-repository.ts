import { and, eq, isNull } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { apiKeys } from "../db/schema/schema.ts";

export type ApiKeyRow = typeof apiKeys.$inferSelect;
export type ApiKeyRepository = ReturnType<typeof createApiKeyRepository>;

export function createApiKeyRepository(db: Db) {
  return {
    async findActive(hash: string): Promise<ApiKeyRow | undefined> {
      const [row] = await db
        .select()
        .from(apiKeys)
        .where(and(eq(apiKeys.hash, hash), isNull(apiKeys.revokedAt)));
      return row;
    },

    async hasAny(): Promise<boolean> {
      const rows = await db.select({ id: apiKeys.id }).from(apiKeys).limit(1);
      return rows.length > 0;
    },

    /** Does nothing where the key is there already. */
    async insert(row: typeof apiKeys.$inferInsert): Promise<void> {
      await db.insert(apiKeys).values(row).onConflictDoNothing({ target: apiKeys.hash });
    },
  };
}
