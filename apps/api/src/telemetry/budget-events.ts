import type { Logger } from "./logger.ts";
import type { Metrics } from "./metrics.ts";

interface ShareSpent {
  of: "key" | "service";
  keyId: string;
  span: "day" | "month";
  share: number;
  spentUsd: number;
  maxUsd: number;
}

export type BudgetEvents = ReturnType<typeof createBudgetEvents>;

export const createBudgetEvents = (log: Logger, metrics: Metrics) => ({
  budgetShareSpent({ keyId, ...spent }: ShareSpent): void {
    const { of, span, share } = spent;
    log.warn({ ...spent, ...(of === "key" && { keyId }) }, "a budget is spent to this share");
    metrics.budgetWarnings.inc({ of, span, share });
  },
});
