import type { KeyMode, Scope } from "@avatar/contract/api-keys";
import type { KeyLimits } from "@avatar/contract/key-types";
import { AppError } from "../errors.ts";

/**
 * Who calls. Jobs and uploads belong to the owner, so all its keys see them: live keys those of live keys, test keys those
 * of test keys, and a child key only the jobs that it made.
 */
export interface Caller {
  owner: string;
  mode: KeyMode;
  /** What is used counts here: the key's id, of a child key its parent's. */
  keyId: string;
  childKeyId: string | undefined;
  /** Of the text that was sent: a key that is being rotated has two. */
  keyHash: string;
  scopes: readonly Scope[];
  /** Every limit that holds: the key's, and those of a child key beside its parent's. */
  meters: readonly Meter[];
}

/** What is counted against one set of limits. */
export interface Meter {
  /** Of the key. */
  id: string;
  limits: KeyLimits;
}

/** @throws AppError `insufficient_scope` */
export function requireScope({ scopes }: Pick<Caller, "scopes">, scope: Scope): void {
  if (!scopes.includes(scope))
    throw new AppError("insufficient_scope", { detail: `This needs a key with the scope ${scope}.` });
}
