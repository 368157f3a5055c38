import type { KeyMode, Scope } from "./api-keys.ts";

/** What a key may use. What is left out is not limited by the key. */
export interface KeyLimits {
  /** A minute begins with its first request. */
  requestsPerMinute?: number | undefined;
  /** Jobs that are not over. */
  jobsInFlight?: number | undefined;
  /** Jobs that have not begun. */
  jobsQueued?: number | undefined;
  /** A day in UTC; of a child key its whole life. What runs took that failed by our fault is not counted. */
  gpuSecondsPerDay?: number | undefined;
  /** Dollars, in a day in UTC, but for runs that failed by our fault. */
  usdPerDay?: number | undefined;
  /** Dollars, in a month in UTC, but for runs that failed by our fault. */
  usdPerMonth?: number | undefined;
}

/** An API key, without the key itself: that is shown once. */
export interface Key {
  id: string;
  /** Jobs belong to the owner: its keys of one mode see the same jobs. */
  owner: string;
  name: string;
  mode: KeyMode;
  scopes: Scope[];
  /** How it begins and ends, to tell it from others: `avk_live_…x1Yz`. */
  hint: string;
  limits: KeyLimits;
  createdAt: string;
  expiresAt?: string | undefined;
  /** To within a minute. */
  lastUsedAt?: string | undefined;
  revokedAt?: string | undefined;
  /** Until then what the key was before its rotation works as well. */
  previousUntil?: string | undefined;
  /** Of a child key: the key that made it, and ends with it. */
  parentId?: string | undefined;
}

/** A key that was just made. */
export interface NewKey extends Key {
  /** The key itself. It is stored nowhere: keep it, it is not shown again. */
  key: string;
}

export interface CreateKeyInput {
  owner: string;
  name: string;
  /** Default `live`. */
  mode?: KeyMode | undefined;
  /** Default `generate` and `read`. */
  scopes?: Scope[] | undefined;
  expiresAt?: string | undefined;
  /** Where one is left out, the deployment's default holds. */
  limits?: KeyLimits | undefined;
}

export interface CreateChildKeyInput {
  /** 60 to 3600, default 900. */
  ttlSeconds?: number | undefined;
  /** Of those that this key has; default both. */
  scopes?: ("generate" | "read")[] | undefined;
  /** Beside those of this key, which hold as well. */
  limits?: ChildKeyLimits | undefined;
}

export type ChildKeyLimits = Pick<
  KeyLimits,
  "requestsPerMinute" | "jobsInFlight" | "jobsQueued" | "gpuSecondsPerDay"
>;

export interface UpdateKeyInput {
  id: string;
  name?: string | undefined;
  scopes?: Scope[] | undefined;
  /** Takes the place of all that were set. */
  limits?: KeyLimits | undefined;
}

export interface RotateKeyInput {
  id: string;
  /** How long the key as it was works as well: 0 to 604800 (a week), default 86400 (a day). */
  overlapSeconds?: number | undefined;
}

export interface KeyIdInput {
  id: string;
}

export interface ListKeysInput {
  owner?: string | undefined;
  /** 1 to 100, default 20. */
  limit?: number | undefined;
  /** `nextCursor` of the page before. */
  cursor?: string | undefined;
}

/** Newest first; without child keys. */
export interface KeyPage {
  items: Key[];
  /** Left out on the last page. */
  nextCursor?: string | undefined;
}
