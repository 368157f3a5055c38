/** What may be spent, in dollars: by a key, or by all together. */
export interface Budgets {
  usdPerDay?: number | undefined;
  usdPerMonth?: number | undefined;
}

export const hasBudget = ({ usdPerDay, usdPerMonth }: Budgets) =>
  usdPerDay !== undefined || usdPerMonth !== undefined;
