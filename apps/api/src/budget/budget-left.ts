import type { BudgetRepository } from "./budget-repository.ts";
import type { Budgets } from "./budgets.ts";

interface Left {
  usd: number;
  leftUsd: number;
}

/** What the service may spend, and of that what it still may, as far as bills have come. */
export async function budgetLeft(
  budgets: Pick<BudgetRepository, "spentByAll">,
  { usdPerDay, usdPerMonth }: Budgets,
  now: Date,
): Promise<{ day?: Left; month?: Left }> {
  if (usdPerDay === undefined && usdPerMonth === undefined) return {};
  const { usdToday, usdThisMonth } = await budgets.spentByAll(now);
  const left = (usd: number, spentUsd: number) => ({ usd, leftUsd: Math.max(usd - spentUsd, 0) });
  return {
    ...(usdPerDay !== undefined && { day: left(usdPerDay, usdToday) }),
    ...(usdPerMonth !== undefined && { month: left(usdPerMonth, usdThisMonth) }),
  };
}
