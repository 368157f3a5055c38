import type { BudgetRepository } from "./budget-repository.ts";

export interface Budgets {
  usdPerDay?: number | undefined;
  usdPerMonth?: number | undefined;
}

export const isSet = ({ usdPerDay, usdPerMonth }: Budgets) =>
  usdPerDay !== undefined || usdPerMonth !== undefined;

/** What the service may still spend, as far as bills have come. */
export async function budgetLeft(
  budgets: Pick<BudgetRepository, "spentByAll">,
  { usdPerDay, usdPerMonth }: Budgets,
  now: Date,
): Promise<{ day?: number; month?: number }> {
  if (!isSet({ usdPerDay, usdPerMonth })) return {};
  const { usdToday, usdThisMonth } = await budgets.spentByAll(now);
  return {
    ...(usdPerDay !== undefined && { day: Math.max(usdPerDay - usdToday, 0) }),
    ...(usdPerMonth !== undefined && { month: Math.max(usdPerMonth - usdThisMonth, 0) }),
  };
}
