import type { KeyLimits } from "./key-types.ts";

/** Days are in UTC: `2026-11-25`. */
export interface GetUsageInput {
  /** The first day. Default: the first day of the month of `to`. */
  from?: string | undefined;
  /** The last day. Default: today. From the first to the last are 366 days at most. */
  to?: string | undefined;
  /** Another owner, or `*` for all of them: for keys with the scope `admin`. */
  owner?: string | undefined;
}

/** What the keys of an owner did, by day. It stays when the jobs are deleted. */
export interface Usage {
  from: string;
  to: string;
  totals: UsageCounts;
  /** Oldest first; days on which a key did nothing are left out. */
  days: UsageDay[];
  /** What the key that asks may still use now. */
  limits: LimitLeft[];
}

export interface UsageCounts {
  /** Made on that day; all else counts on the day it happened. */
  jobs: number;
  succeeded: number;
  failed: number;
  canceled: number;
  /** Of finished videos. */
  videoSeconds: number;
  /** Whole seconds that were billed. */
  gpuSeconds: number;
  /** What they cost, in what the operator pays. */
  costUsd: number;
}

export interface UsageDay extends UsageCounts {
  day: string;
  owner: string;
  /** What child keys did counts for the key that made them. */
  keyId: string;
}

/** What is left of one limit of a key. */
export interface LimitLeft {
  name: Exclude<keyof KeyLimits, "requestsPerMinute">;
  max: number;
  /** Without what is kept for jobs that are not over. */
  left: number;
  /** When it begins anew, where time alone does that. */
  resetsAt?: string | undefined;
}
