import type { Operation } from "./faults.ts";

/** Requests of one kind in any ten seconds: https://docs.runpod.io/serverless/endpoints/operations */
export const RATE_LIMITS: Partial<Record<Operation, number>> = { run: 1000, status: 2000, cancel: 100 };

const WINDOW_MS = 10_000;

export function createRateLimits(limits: Partial<Record<Operation, number>>, nowMs: () => number) {
  const times = new Map<Operation, number[]>();
  /** Counts a request; false where it is one too many. */
  return (operation: Operation): boolean => {
    const limit = limits[operation] ?? Number.POSITIVE_INFINITY;
    const now = nowMs();
    const recent = (times.get(operation) ?? []).filter((time) => time > now - WINDOW_MS);
    times.set(operation, recent);
    if (recent.length >= limit) return false;
    recent.push(now);
    return true;
  };
}
