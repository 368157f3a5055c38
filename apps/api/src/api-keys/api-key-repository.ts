import { and, asc, desc, eq, gt, inArray, isNull, lt, or, type SQL, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import type { PageCursor } from "../cursor.ts";
import type { Db } from "../db/client.ts";
import type { AuditAction } from "../db/schema/audit-events.ts";
import { apiKeys, auditEvents } from "../db/schema/schema.ts";

export type ApiKeyRow = typeof apiKeys.$inferSelect;
export type NewApiKeyRow = typeof apiKeys.$inferInsert;
export type ApiKeyRepository = ReturnType<typeof createApiKeyRepository>;

/** Who changes a key, and when: every change is written into the audit log with it. */
export interface Change {
  actor: string;
  at: Date;
  details?: Record<string, unknown>;
}

type KeyChanges = { [F in "name" | "scopes" | "limits"]?: ApiKeyRow[F] | undefined };

export function createApiKeyRepository(db: Db) {
  const parents = alias(apiKeys, "parents");

  const audit = (tx: Db, action: AuditAction, keyId: string, { actor, at, details = {} }: Change) =>
    tx.insert(auditEvents).values({ at, actor, action, keyId, details });

  /** Changes a key that is not revoked. */
  async function change(
    action: AuditAction,
    where: SQL | undefined,
    set: Record<string, unknown>,
    by: Change,
  ): Promise<ApiKeyRow | undefined> {
    return db.transaction(async (tx) => {
      const [row] = await tx
        .update(apiKeys)
        .set(set)
        .where(and(where, isNull(apiKeys.revokedAt)))
        .returning();
      if (row) await audit(tx, action, row.id, by);
      return row;
    });
  }

  return {
    /** The key that may be used now, and of a child key the parent. */
    async findActive(
      hash: string,
      now: Date,
    ): Promise<{ key: ApiKeyRow; parent: ApiKeyRow | null } | undefined> {
      const isActive = (table: typeof apiKeys | typeof parents) =>
        and(isNull(table.revokedAt), or(isNull(table.expiresAt), gt(table.expiresAt, now)));
      const [row] = await db
        .select({ key: apiKeys, parent: parents })
        .from(apiKeys)
        .leftJoin(parents, eq(parents.id, apiKeys.parentId))
        .where(
          and(
            or(eq(apiKeys.hash, hash), and(eq(apiKeys.previousHash, hash), gt(apiKeys.previousUntil, now))),
            isActive(apiKeys),
            or(isNull(apiKeys.parentId), isActive(parents)),
          ),
        );
      return row;
    },

    async find(id: string): Promise<ApiKeyRow | undefined> {
      const [row] = await db.select().from(apiKeys).where(eq(apiKeys.id, id));
      return row;
    },

    async hasAny(): Promise<boolean> {
      const rows = await db.select({ id: apiKeys.id }).from(apiKeys).limit(1);
      return rows.length > 0;
    },

    /** Does nothing where the same key exists already. */
    async insert(row: NewApiKeyRow, by: Change): Promise<void> {
      await db.transaction(async (tx) => {
        const inserted = await tx
          .insert(apiKeys)
          .values(row)
          .onConflictDoNothing({ target: apiKeys.hash })
          .returning({ id: apiKeys.id });
        if (inserted.length > 0) await audit(tx, "created", row.id, by);
      });
    },

    /** Newest first; without child keys. */
    async list(
      owner: string | undefined,
      limit: number,
      after: PageCursor | undefined,
    ): Promise<ApiKeyRow[]> {
      return db
        .select()
        .from(apiKeys)
        .where(
          and(
            isNull(apiKeys.parentId),
            owner === undefined ? undefined : eq(apiKeys.owner, owner),
            after &&
              or(
                lt(apiKeys.createdAt, after.createdAt),
                and(eq(apiKeys.createdAt, after.createdAt), lt(apiKeys.id, after.id)),
              ),
          ),
        )
        .orderBy(desc(apiKeys.createdAt), desc(apiKeys.id))
        .limit(limit);
    },

    update: (id: string, set: KeyChanges, by: Change) => change("updated", eq(apiKeys.id, id), set, by),

    /** Child keys cannot be rotated. Those of a key whose old form ends at once end with it. */
    async rotate(
      id: string,
      to: Pick<ApiKeyRow, "hash" | "lastFour">,
      previousUntil: Date,
      by: Change,
    ): Promise<ApiKeyRow | undefined> {
      const isParent = and(eq(apiKeys.id, id), isNull(apiKeys.parentId));
      const set = { ...to, previousHash: sql`${apiKeys.hash}`, previousUntil };
      const row = await change("rotated", isParent, set, by);
      if (row && previousUntil <= by.at)
        await db
          .update(apiKeys)
          .set({ revokedAt: by.at })
          .where(and(eq(apiKeys.parentId, id), isNull(apiKeys.revokedAt)));
      return row;
    },

    revoke: (id: string, by: Change) => change("revoked", eq(apiKeys.id, id), { revokedAt: by.at }, by),

    async touch(ids: string[], lastUsedAt: Date): Promise<void> {
      const used = inArray(apiKeys.id, ids);
      await db.transaction(async (tx) => {
        // In the order of those that make jobs of these keys, so that neither waits for the other.
        await tx
          .select({ id: apiKeys.id })
          .from(apiKeys)
          .where(used)
          .orderBy(asc(apiKeys.id))
          .for("no key update");
        await tx.update(apiKeys).set({ lastUsedAt }).where(used);
      });
    },

    /** The audit log, newest first. */
    async listAudit(limit: number): Promise<(typeof auditEvents.$inferSelect)[]> {
      return db.select().from(auditEvents).orderBy(desc(auditEvents.id)).limit(limit);
    },
  };
}
