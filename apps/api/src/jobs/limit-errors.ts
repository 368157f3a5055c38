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

/** When there may be enough for the job: once others are over, when the day or the month begins, or never. */
type Comes = "soon" | "atReset" | "never";

const OF = { key: "the key", childKey: "the child key", service: "the service" };

/**
 * What keeps a job from being made, if anything does.
 * @param isShown whether amounts are for the caller to know: not what the operator has left for all customers together,
 * nor, in a browser, what the child key's parent has
 * @param standing what there is without it
 */
export function limitReached(
  { of, isShown }: { of: LimitReached["of"]; isShown: boolean },
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
    { left, resetsAt, comes }: { left: number; resetsAt?: Date | undefined; comes: Comes },
  ) => {
    const amounts = isShown ? { max, left: Math.max(left, 0) } : {};
    const limit: LimitReached = {
      of,
      name,
      ...amounts,
      ...(resetsAt && { resetsAt: resetsAt.toISOString() }),
    };
    const untilResetMs = resetsAt && resetsAt.getTime() - now.getTime();
    const waitMs = { soon: RETRY_MS, atReset: untilResetMs, never: undefined }[comes];
    return new AppError(code, {
      detail: say(limit, estimatedGpuSeconds, estimatedCostUsd),
      limit,
      ...(waitMs !== undefined && { retryAfterMs: waitMs }),
    });
  };
  const full = { left: 0, comes: "soon" } as const;
  const whenFree = (amount: number, unspent: number, max: number): Comes => {
    if (amount <= unspent) return "soon";
    return amount <= max ? "atReset" : "never";
  };

  if (jobsInFlight !== undefined && standing.inFlight >= jobsInFlight)
    return refuse("too_many_jobs", "jobsInFlight", jobsInFlight, full);
  if (jobsQueued !== undefined && standing.queued >= jobsQueued)
    return refuse("queue_full", "jobsQueued", jobsQueued, full);
  if (gpuSecondsPerDay !== undefined && estimatedGpuSeconds > 0) {
    const unspent = gpuSecondsPerDay - standing.gpuSecondsToday;
    const left = unspent - standing.gpuSeconds;
    const comes = whenFree(estimatedGpuSeconds, unspent, gpuSecondsPerDay);
    if (estimatedGpuSeconds > left)
      return refuse("gpu_quota_exceeded", "gpuSecondsPerDay", gpuSecondsPerDay, {
        left,
        resetsAt: day,
        comes,
      });
  }
  for (const [name, max, spent, resetsAt] of [
    ["usdPerDay", usdPerDay, standing.usdToday, day],
    ["usdPerMonth", usdPerMonth, standing.usdThisMonth, month],
  ] as const) {
    if (max === undefined || estimatedCostUsd === 0) continue;
    const unspent = max - spent;
    const left = unspent - standing.usd;
    const comes = whenFree(estimatedCostUsd, unspent, max);
    if (estimatedCostUsd > left + USD_ERROR)
      return refuse("budget_exhausted", name, max, { left: roundDown(left), resetsAt, comes });
  }
  return undefined;
}

function say({ of, name, max, left = 0, resetsAt }: LimitReached, gpuSeconds: number, usd: number): string {
  const who = OF[of];
  const isShown = max !== undefined;
  const until = (span: string) => (resetsAt === undefined ? "" : ` for the ${span}, until ${resetsAt}`);
  switch (name) {
    case "jobsInFlight":
      return isShown
        ? `${capital(who)} may have ${max} unfinished jobs, and has so many.`
        : `${capital(who)} has as many unfinished jobs as it may have.`;
    case "jobsQueued":
      return isShown
        ? `${capital(who)} may have ${max} jobs in the queue, and has so many.`
        : `${capital(who)} has as many jobs in the queue as it may have.`;
    case "gpuSecondsPerDay":
      return isShown
        ? `The job may take ${gpuSeconds} GPU seconds; ${who} has ${left} of ${max} left${until("day")}.`
        : `The job may take more GPU seconds than ${who} has left${until("day")}.`;
    default: {
      const span = name === "usdPerDay" ? "day" : "month";
      return isShown
        ? `The job may cost ${inUsd(usd)}; ${who} has ${inUsd(left)} of ${inUsd(max)} left${until(span)}.`
        : `The job could take ${who} over its budget for the ${span}, which begins anew on ${resetsAt}.`;
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
