import type { BudgetRepository } from "./budget-repository.ts";
import { type Budgets, hasBudget } from "./budgets.ts";

/** What the service may still spend, as far as bills have come. */
export async function budgetLeft(
  budgets: Pick<BudgetRepository, "spentByAll">,
  { usdPerDay, usdPerMonth }: Budgets,
  now: Date,
): Promise<{ day?: number; month?: number }> {
  if (!hasBudget({ usdPerDay, usdPerMonth })) return {};
  const { usdToday, usdThisMonth } = await budgets.spentByAll(now);
  return {
    ...(usdPerDay !== undefined && { day: Math.max(usdPerDay - usdToday, 0) }),
    ...(usdPerMonth !== undefined && { month: Math.max(usdPerMonth - usdThisMonth, 0) }),
  };
}
