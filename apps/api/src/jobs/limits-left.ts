import type { KeyLimits } from "@avatar/contract/key-types";
import type { LimitLeft } from "@avatar/contract/usage-types";
import type { Standing } from "./admission-repository.ts";
import { startOfNext } from "./limit-errors.ts";

/** What is left of each limit, reckoned as `limitReached` does when it refuses a job. */
export function limitsLeft(limits: KeyLimits, standing: Standing, now: Date): LimitLeft[] {
  const { gpuSecondsToday, gpuSeconds, usdToday, usdThisMonth, usd } = standing;
  const used: [LimitLeft["name"], number, "day" | "month" | undefined][] = [
    ["jobsInFlight", standing.inFlight, undefined],
    ["jobsQueued", standing.queued, undefined],
    ["gpuSecondsPerDay", gpuSecondsToday + gpuSeconds, "day"],
    ["usdPerDay", usdToday + usd, "day"],
    ["usdPerMonth", usdThisMonth + usd, "month"],
  ];
  return used.flatMap(([name, amount, span]) => {
    const max = limits[name];
    if (max === undefined) return [];
    const left = Math.round(Math.max(max - amount, 0) * 1e6) / 1e6;
    return [{ name, max, left, ...(span && { resetsAt: startOfNext(span, now).toISOString() }) }];
  });
}
