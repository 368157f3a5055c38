import type { LimitLeft } from "@avatar/contract/usage-types";
import type { Caller } from "../api-keys/caller.ts";
import { type Budgets, hasBudget } from "../budget/budgets.ts";
import type { AppError } from "../errors.ts";
import { loadStandings, nothing, refusalOf } from "./admission.ts";
import type { AdmissionRepository } from "./admission-repository.ts";
import type { NewJobRow } from "./job-repository.ts";
import { limitsLeft } from "./limits-left.ts";

interface Deps {
  admissions: AdmissionRepository;
  budget: Budgets;
  now: () => Date;
}

export type Foresight = ReturnType<typeof createForesight>;

/** What admission would say now. Nothing is locked, so a moment later it may say something else. */
export function createForesight({ admissions, budget, now }: Deps) {
  const standingsOf = (caller: Caller, time: Date) =>
    loadStandings(admissions, [{ caller }], [caller.keyId], time);

  return {
    /** Of a job that may take so much. */
    async refusalOf(
      caller: Caller,
      estimate: Required<Pick<NewJobRow, "estimatedGpuSeconds" | "estimatedCostUsd">>,
    ): Promise<AppError | undefined> {
      const time = now();
      const standings = await standingsOf(caller, time);
      const isBudgeted = caller.mode === "live" && (estimate.estimatedCostUsd ?? 0) > 0 && hasBudget(budget);
      const service = isBudgeted
        ? { ...(await admissions.heldByAll()), ...(await admissions.spentByAll(time)) }
        : undefined;
      return refusalOf(caller, estimate, { standings, service, budget }, time);
    },

    /** Of the caller's key. */
    async leftOf(caller: Caller): Promise<LimitLeft[]> {
      const time = now();
      const standings = await standingsOf(caller, time);
      const limits = caller.meters.find(({ id }) => id === caller.keyId)?.limits ?? {};
      return limitsLeft(limits, standings.get(caller.keyId) ?? nothing(), time);
    },
  };
}
