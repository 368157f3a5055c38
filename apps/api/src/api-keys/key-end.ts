import type { ApiKeyRow } from "./api-key-repository.ts";

/** When this text of a key ends by itself; undefined where it does not. */
export function endOf(
  { expiresAt, previousHash, previousUntil }: ApiKeyRow,
  hash: string | null,
): Date | undefined {
  return earliest(expiresAt, hash === previousHash ? previousUntil : null);
}

export function earliest(...times: (Date | null | undefined)[]): Date | undefined {
  const known = times.flatMap((time) => (time ? [time.getTime()] : []));
  return known.length > 0 ? new Date(Math.min(...known)) : undefined;
}
