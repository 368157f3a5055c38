import type { ErrorCode } from "@avatar/contract/errors";
import type { KeyLimits } from "@avatar/contract/key-types";
import type { LimitReached } from "@avatar/contract/types";
import { AppError } from "../errors.ts";
import type { Standing } from "./admission-repository.ts";
import type { NewJobRow } from "./job-repository.ts";

/** When something of what unfinished jobs hold may be free: nobody knows. */
const RETRY_MS = 5000;

/** Dollars are summed as floating-point numbers: so little may be the error of a sum. */
const USD_ERROR = 1e-9;

const OF = { key: "the key", childKey: "the child key", service: "the service" };

/**
 * What keeps a job from being made, if anything does.
 * @param standing what there is without it
 */
export function limitReached(
  of: LimitReached["of"],
  limits: KeyLimits,
  standing: Standing,
  {
    estimatedGpuSeconds = 0,
    estimatedCostUsd = 0,
  }: Pick<NewJobRow, "estimatedGpuSeconds" | "estimatedCostUsd">,
  now: Date,
): AppError | undefined {
  const { jobsInFlight, jobsQueued, gpuSecondsPerDay, usdPerDay, usdPerMonth } = limits;
  // What a child key may use, it may use in its whole life.
  const day = of === "childKey" ? undefined : startOfNext("day", now);
  const month = startOfNext("month", now);

  const refuse = (
    code: ErrorCode,
    name: keyof KeyLimits,
    max: number,
    { left, resetsAt, isHeld }: { left: number; resetsAt?: Date | undefined; isHeld: boolean },
  ) => {
    // How much the operator has left for all customers together is not for them to know.
    const amounts = of === "service" ? {} : { max, left: Math.max(left, 0) };
    const limit: LimitReached = {
      of,
      name,
      ...amounts,
      ...(resetsAt && { resetsAt: resetsAt.toISOString() }),
    };
    return new AppError(code, {
      detail: say(limit, estimatedGpuSeconds, estimatedCostUsd),
      limit,
      retryAfterMs: resetsAt && !isHeld ? resetsAt.getTime() - now.getTime() : RETRY_MS,
    });
  };
  const full = { left: 0, isHeld: true };

  if (jobsInFlight !== undefined && standing.inFlight >= jobsInFlight)
    return refuse("too_many_jobs", "jobsInFlight", jobsInFlight, full);
  if (jobsQueued !== undefined && standing.queued >= jobsQueued)
    return refuse("queue_full", "jobsQueued", jobsQueued, full);
  if (gpuSecondsPerDay !== undefined && estimatedGpuSeconds > 0) {
    const unspent = gpuSecondsPerDay - standing.gpuSecondsToday;
    const left = unspent - standing.gpuSeconds;
    const isHeld = estimatedGpuSeconds <= unspent;
    if (estimatedGpuSeconds > left)
      return refuse("gpu_quota_exceeded", "gpuSecondsPerDay", gpuSecondsPerDay, {
        left,
        resetsAt: day,
        isHeld,
      });
  }
  for (const [name, max, spent, resetsAt] of [
    ["usdPerDay", usdPerDay, standing.usdToday, day],
    ["usdPerMonth", usdPerMonth, standing.usdThisMonth, month],
  ] as const) {
    if (max === undefined || estimatedCostUsd === 0) continue;
    const unspent = max - spent;
    const left = unspent - standing.usd;
    const isHeld = estimatedCostUsd <= unspent;
    if (estimatedCostUsd > left + USD_ERROR)
      return refuse("budget_exhausted", name, max, { left: roundDown(left), resetsAt, isHeld });
  }
  return undefined;
}

function say({ of, name, max, left = 0, resetsAt }: LimitReached, gpuSeconds: number, usd: number): string {
  const who = OF[of];
  switch (name) {
    case "jobsInFlight":
      return `${capital(who)} may have ${max} unfinished jobs, and has so many.`;
    case "jobsQueued":
      return `${capital(who)} may have ${max} jobs in the queue, and has so many.`;
    case "gpuSecondsPerDay":
      return resetsAt === undefined
        ? `The job may take ${gpuSeconds} GPU seconds; ${who} has ${left} of ${max} left.`
        : `The job may take ${gpuSeconds} GPU seconds; ${who} has ${left} of ${max} left for the day, until ${resetsAt}.`;
    default: {
      const span = name === "usdPerDay" ? "day" : "month";
      return max === undefined
        ? `The job could take ${who} over its budget for the ${span}, which begins anew on ${resetsAt}.`
        : `The job may cost ${inUsd(usd)}; ${who} has ${inUsd(left)} of ${inUsd(max)} left for the ${span}, until ${resetsAt}.`;
    }
  }
}

const capital = (text: string) => text.charAt(0).toUpperCase() + text.slice(1);
const inUsd = (amount: number) => `$${amount.toFixed(6).replace(/0{1,4}$/, "")}`;
/** To a millionth, so that the sum's error is not seen. */
const roundDown = (usd: number) => Math.floor((usd + USD_ERROR) * 1e6) / 1e6;

/** Days and months are in UTC. */
export function startOfNext(span: "day" | "month", now: Date): Date {
  const [year, month, day] = [now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate()];
  return new Date(span === "day" ? Date.UTC(year, month, day + 1) : Date.UTC(year, month + 1));
}
