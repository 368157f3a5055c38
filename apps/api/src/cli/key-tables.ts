import type { Key } from "@avatar/contract/key-types";
import type { AuditEventRow } from "../api-keys/api-key-repository.ts";

export const keyTable = (keys: readonly Key[], now: Date) =>
  toTable(
    ["id", "owner", "name", "mode", "scopes", "key", "state", "expires", "last used"],
    keys.map((key) => [
      key.id,
      key.owner,
      key.name,
      key.mode,
      key.scopes.join(","),
      key.hint,
      stateOf(key, now),
      shortTime(key.expiresAt),
      shortTime(key.lastUsedAt),
    ]),
  );

export const auditTable = (events: readonly AuditEventRow[]) =>
  toTable(
    ["time", "actor", "action", "key", "details"],
    events.map(({ at, actor, action, keyId, details }) => [
      at.toISOString(),
      actor,
      action,
      keyId,
      JSON.stringify(details),
    ]),
  );

function stateOf({ revokedAt, expiresAt, previousUntil }: Key, now: Date): string {
  if (revokedAt !== undefined) return "revoked";
  if (expiresAt !== undefined && new Date(expiresAt) <= now) return "expired";
  return previousUntil === undefined ? "active" : "rotating";
}

/** In UTC, to the minute. */
const shortTime = (time: string | undefined) => time?.slice(0, 16).replace("T", " ") ?? "-";

function toTable(head: string[], rows: string[][]): string {
  const widths = head.map((title, column) =>
    Math.max(...[title, ...rows.map((row) => row[column] ?? "")].map((cell) => cell.length)),
  );
  return [head, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
