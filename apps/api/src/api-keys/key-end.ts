import type { ApiKeyRow } from "./api-key-repository.ts";
import type { Caller } from "./caller.ts";

/** When this text of a key ends by itself; undefined where it does not. */
export function endOf(
  { expiresAt, previousHash, previousUntil }: ApiKeyRow,
  hash: string | null,
): Date | undefined {
  return earliest(expiresAt, hash === previousHash ? previousUntil : null);
}

/** Whether the text that a caller sent still works, as `findActive` has it. @param keys its key and its child key */
export function isActive(
  { keyId, childKeyId, keyHash }: Caller,
  keys: ReadonlyMap<string, ApiKeyRow>,
  now: Date,
): boolean {
  const child = childKeyId === undefined ? undefined : keys.get(childKeyId);
  if (childKeyId !== undefined && !isOf(child, keyHash, now)) return false;
  return isOf(keys.get(keyId), child ? child.parentHash : keyHash, now);
}

function isOf(key: ApiKeyRow | undefined, hash: string | null, now: Date): boolean {
  if (!key || key.revokedAt || (hash !== key.hash && hash !== key.previousHash)) return false;
  const end = endOf(key, hash);
  return end === undefined || end > now;
}

export function earliest(...times: (Date | null | undefined)[]): Date | undefined {
  const known = times.flatMap((time) => (time ? [time.getTime()] : []));
  return known.length > 0 ? new Date(Math.min(...known)) : undefined;
}
