import type { KeyLimits } from "@avatar/contract/key-types";
import type { BudgetConfig } from "../config.ts";
import { dayOf, type Spent } from "../db/usage-counters.ts";
import type { BudgetEvents } from "../telemetry/budget-events.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { BudgetRepository } from "./budget-repository.ts";
import { type Budgets, hasBudget } from "./budgets.ts";

interface Deps {
  budgets: BudgetRepository;
  budget: BudgetConfig;
  /** Of keys that set none themselves. */
  defaultLimits: KeyLimits;
  now: () => Date;
  events: BudgetEvents;
  log: Logger;
}

const SERVICE = "service";

/**
 * Tells the operator, once for all replicas, when a budget is spent to one of the shares. It looks after every bill; and
 * at the start, as the process before may have died between a bill and its look.
 */
export function createBudgetWarnings({ budgets, budget, defaultLimits, now, events, log }: Deps) {
  const billed = new Set<string>();
  let working: Promise<void> | undefined;

  async function check(
    of: string,
    { usdPerDay, usdPerMonth }: Budgets,
    spent: Spent,
    at: Date,
  ): Promise<void> {
    const spans = [
      { span: "day", period: dayOf(at), maxUsd: usdPerDay, spentUsd: spent.usdToday },
      { span: "month", period: dayOf(at).slice(0, 7), maxUsd: usdPerMonth, spentUsd: spent.usdThisMonth },
    ] as const;
    for (const { span, period, maxUsd = 0, spentUsd } of spans) {
      const reached = budget.warnShares.filter((share) => maxUsd > 0 && spentUsd >= share * maxUsd);
      const isNew = await budgets.insert(reached.map((share) => ({ of, period, share, at })));
      for (const { share } of isNew)
        events.budgetShareSpent({
          of: of === SERVICE ? "service" : "key",
          keyId: of,
          span,
          share,
          spentUsd,
          maxUsd,
        });
    }
  }

  async function checkKey(keyId: string): Promise<void> {
    const at = now();
    const limits = { ...defaultLimits, ...(await budgets.limitsOf(keyId)) };
    if (!hasBudget(limits)) return;
    const spent = await budgets.spentByKey(keyId, at);
    if (spent) await check(keyId, limits, spent, at);
  }

  async function checkService(): Promise<void> {
    const at = now();
    if (hasBudget(budget)) await check(SERVICE, budget, await budgets.spentByAll(at), at);
  }

  async function work(): Promise<void> {
    try {
      while (billed.size > 0) {
        const keyIds = [...billed];
        billed.clear();
        for (const keyId of keyIds) await checkKey(keyId);
        await checkService();
      }
    } catch (error) {
      // The next bill, or the next start, looks again.
      log.warn({ err: error }, "whether a budget is nearly spent was not looked at");
    } finally {
      working = undefined; // In the same step as the look at what was billed: what comes later starts anew.
    }
  }

  const isIdle = budget.warnShares.length === 0;

  return {
    /** A job of this key was billed, and that is stored. */
    noteBill(keyId: string): void {
      if (isIdle) return;
      billed.add(keyId);
      working ??= work();
    },

    async start(): Promise<void> {
      if (isIdle) return;
      for (const keyId of await budgets.keysInUse(now())) billed.add(keyId);
      await checkService();
      if (billed.size > 0) working ??= work();
    },

    async stop(): Promise<void> {
      await working;
    },
  };
}
