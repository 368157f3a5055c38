import { and, eq, inArray, isNull } from "drizzle-orm";
import { type Budgets, hasBudget } from "../budget/budgets.ts";
import type { Db } from "../db/client.ts";
import { apiKeys, jobs, runs } from "../db/schema/schema.ts";
import { type Spent, spentByAll, spentByKey } from "../db/usage-counters.ts";

/** What a run may cost at most is known; what it will cost is not. */
export interface BudgetGate {
  /** Of all live keys together. */
  service: Budgets;
  /** Of one run, in dollars. */
  maxUsd: (audioSeconds: number) => number;
}

interface Candidate {
  keyId: string;
  audioSeconds: number;
}

/**
 * `begin`: even if all open runs cost the most that they may, the budgets are not used up before this one; so they are
 * never exceeded by more than one run. `wait`: not until some of these have ended. `refuse`: nothing is left.
 */
export type Verdict = "begin" | "wait" | "refuse";

/** To be called while no other transaction begins runs. */
export async function judgeByBudget(
  tx: Db,
  candidates: readonly Candidate[],
  { service, maxUsd }: BudgetGate,
  now: Date,
): Promise<Verdict[]> {
  const keyIds = [...new Set(candidates.map(({ keyId }) => keyId))];
  const keys = await tx
    .select({ id: apiKeys.id, caps: apiKeys.limits })
    .from(apiKeys)
    .where(inArray(apiKeys.id, keyIds));
  const capsOf = new Map<string, Budgets>(keys.map(({ id, caps }) => [id, caps]));
  if (![service, ...capsOf.values()].some(hasBudget)) return candidates.map(() => "begin");

  const open = await tx
    .select({ keyId: jobs.keyId, audioSeconds: jobs.audioSeconds })
    .from(runs)
    .innerJoin(jobs, eq(jobs.id, runs.jobId))
    .where(and(isNull(runs.outcome), eq(runs.mode, "live")));
  const spentOf = await spentByKey(tx, keyIds, now);
  const spentInAll = await spentByAll(tx, now);

  return candidates.map((candidate) => {
    const { keyId } = candidate;
    const mayCost = (of: Candidate[]) => of.reduce((sum, run) => sum + maxUsd(run.audioSeconds), 0);
    const held = [
      { caps: service, spent: spentInAll, open: mayCost(open) },
      {
        caps: capsOf.get(keyId) ?? {},
        spent: spentOf.get(keyId),
        open: mayCost(open.filter((run) => run.keyId === keyId)),
      },
    ];
    if (held.some(({ caps, spent }) => leastLeft(caps, spent) <= 0)) return "refuse";
    if (held.some(({ caps, spent, open }) => leastLeft(caps, spent) <= open)) return "wait";
    open.push(candidate);
    return "begin";
  });
}

/** Of the day and the month. */
const leastLeft = ({ usdPerDay = Infinity, usdPerMonth = Infinity }: Budgets, spent?: Spent) =>
  Math.min(usdPerDay - (spent?.usdToday ?? 0), usdPerMonth - (spent?.usdThisMonth ?? 0));
