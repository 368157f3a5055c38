import type { Key, KeyLimits } from "@avatar/contract/key-types";
import type { ApiKeyRow } from "./api-key-repository.ts";

/** A row as operators see it. @param defaults of the deployment, for limits that the key does not set itself */
export function toKey(row: ApiKeyRow, defaults: KeyLimits, now: Date): Key {
  const { previousUntil } = row;
  return {
    id: row.id,
    owner: row.owner,
    name: row.name,
    mode: row.mode,
    scopes: row.scopes,
    hint: `avk_${row.mode}_…${row.lastFour}`,
    limits: limitsOf(row, defaults),
    createdAt: row.createdAt.toISOString(),
    ...(row.expiresAt && { expiresAt: row.expiresAt.toISOString() }),
    ...(row.lastUsedAt && { lastUsedAt: row.lastUsedAt.toISOString() }),
    ...(row.revokedAt && { revokedAt: row.revokedAt.toISOString() }),
    ...(previousUntil && previousUntil > now && { previousUntil: previousUntil.toISOString() }),
    ...(row.parentId !== null && { parentId: row.parentId }),
  };
}

/** The limits of a child key come beside those of its parent, which has the defaults. */
export const limitsOf = ({ parentId, limits }: ApiKeyRow, defaults: KeyLimits): KeyLimits =>
  parentId === null ? { ...defaults, ...limits } : limits;
