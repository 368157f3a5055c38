import { and, asc, type Column, desc, eq, gt, inArray, isNull, lt, or, type SQL, sql } from "drizzle-orm";
import { alias } from "drizzle-orm/pg-core";
import type { PageCursor } from "../cursor.ts";
import type { Db } from "../db/client.ts";
import type { AuditAction } from "../db/schema/audit-events.ts";
import { apiKeys, auditEvents } from "../db/schema/schema.ts";

export type ApiKeyRow = typeof apiKeys.$inferSelect;
export type NewApiKeyRow = typeof apiKeys.$inferInsert;
export type AuditEventRow = typeof auditEvents.$inferSelect;
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

  const isNotOver = (table: typeof apiKeys | typeof parents, now: Date) =>
    and(isNull(table.revokedAt), or(isNull(table.expiresAt), gt(table.expiresAt, now)));
  /** `hash` is what the key is, or what it was before its rotation as long as that works. */
  const isTextOf = (table: typeof apiKeys | typeof parents, hash: string | Column, now: Date) =>
    or(eq(table.hash, hash), and(eq(table.previousHash, hash), gt(table.previousUntil, now)));

  const isChangeable = (id: string, now: Date) =>
    and(eq(apiKeys.id, id), isNull(apiKeys.parentId), isNotOver(apiKeys, now));

  async function change(
    action: AuditAction,
    where: SQL | undefined,
    set: Record<string, unknown>,
    by: Change,
  ): Promise<ApiKeyRow | undefined> {
    return db.transaction(async (tx) => {
      const [row] = await tx.update(apiKeys).set(set).where(where).returning();
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
      const [row] = await db
        .select({ key: apiKeys, parent: parents })
        .from(apiKeys)
        .leftJoin(parents, eq(parents.id, apiKeys.parentId))
        .where(
          and(
            isTextOf(apiKeys, hash, now),
            isNotOver(apiKeys, now),
            or(
              isNull(apiKeys.parentId),
              and(isNotOver(parents, now), isTextOf(parents, apiKeys.parentHash, now)),
            ),
          ),
        );
      return row;
    },

    async find(id: string): Promise<ApiKeyRow | undefined> {
      const [row] = await db.select().from(apiKeys).where(eq(apiKeys.id, id));
      return row;
    },

    /** The key whose text this is or was, whether it works or not. */
    async findByText(hash: string): Promise<ApiKeyRow | undefined> {
      const [row] = await db
        .select()
        .from(apiKeys)
        .where(or(eq(apiKeys.hash, hash), eq(apiKeys.previousHash, hash)));
      return row;
    },

    async hasAny(): Promise<boolean> {
      const rows = await db.select({ id: apiKeys.id }).from(apiKeys).limit(1);
      return rows.length > 0;
    },

    /** @returns false where there is one with its id, or the same key, already: then nothing is done */
    async insert(row: NewApiKeyRow, by: Change): Promise<boolean> {
      return db.transaction(async (tx) => {
        const inserted = await tx
          .insert(apiKeys)
          .values(row)
          .onConflictDoNothing()
          .returning({ id: apiKeys.id });
        // Child keys are many and short-lived: each browser may get one.
        if (inserted.length > 0 && !row.parentId) await audit(tx, "created", row.id, by);
        return inserted.length > 0;
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

    /** Undefined for child keys and for keys that have ended; so with `rotate`. */
    update: (id: string, set: KeyChanges, by: Change) => change("updated", isChangeable(id, by.at), set, by),

    rotate: (id: string, to: Pick<ApiKeyRow, "hash" | "lastFour">, previousUntil: Date, by: Change) =>
      change(
        "rotated",
        isChangeable(id, by.at),
        { ...to, previousHash: sql`${apiKeys.hash}`, previousUntil },
        by,
      ),

    /** Undefined for a key that is revoked already. */
    revoke: (id: string, by: Change) =>
      change("revoked", and(eq(apiKeys.id, id), isNull(apiKeys.revokedAt)), { revokedAt: by.at }, by),

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
    async listAudit(limit: number): Promise<AuditEventRow[]> {
      return db.select().from(auditEvents).orderBy(desc(auditEvents.id)).limit(limit);
    },
  };
}
