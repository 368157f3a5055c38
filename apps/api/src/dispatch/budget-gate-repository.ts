import { and, eq, isNull, sql } from "drizzle-orm";
import { type Budgets, hasBudget } from "../budget/budgets.ts";
import type { Db } from "../db/client.ts";
import { apiKeys, jobs, runs } from "../db/schema/schema.ts";
import { type Spent, spentByAll, spentByKey } from "../db/usage-counters.ts";

/** What a run may cost at most is known; what it will cost is not. */
export interface RunBudget {
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
 * `begin`: even if all open runs cost the most that they may, the budget is not used up before another one; so it is never
 * exceeded by more than one run. `wait`: not until some of these have ended. `refuse`: nothing is left.
 */
type Verdict = "begin" | "wait" | "refuse";

/** To be opened, and used, while no other transaction begins runs. */
export async function openBudgetGate(tx: Db, { service, maxUsd }: RunBudget, now: Date) {
  const queued = tx
    .selectDistinct({ keyId: jobs.keyId })
    .from(jobs)
    .where(and(eq(jobs.mode, "live"), sql`${jobs.status} = 'queued'`))
    .as("queued");
  const keys = await tx
    .select({ id: queued.keyId, caps: apiKeys.limits })
    .from(queued)
    .leftJoin(apiKeys, eq(apiKeys.id, queued.keyId));
  const capsOf = new Map<string, Budgets>(keys.map(({ id, caps }) => [id, caps ?? {}]));
  const capped = [...capsOf].flatMap(([id, caps]) => (hasBudget(caps) ? [id] : []));
  const isFree = capped.length === 0 && !hasBudget(service);
  const spentOf = isFree ? new Map<string, Spent>() : await spentByKey(tx, capped, now);
  const spentInAll = isFree ? undefined : await spentByAll(tx, now);
  const open: Candidate[] = isFree
    ? []
    : await tx
        .select({ keyId: jobs.keyId, audioSeconds: jobs.audioSeconds })
        .from(runs)
        .innerJoin(jobs, eq(jobs.id, runs.jobId))
        .where(and(isNull(runs.outcome), eq(runs.mode, "live")));

  const judge = (caps: Budgets, spent: Spent | undefined, of: readonly Candidate[]): Verdict => {
    const left = leastLeft(caps, spent);
    if (left <= 0) return "refuse";
    return left <= of.reduce((sum, run) => sum + maxUsd(run.audioSeconds), 0) ? "wait" : "begin";
  };
  const ofService = () => judge(service, spentInAll, open);
  const ofKey = (id: string) =>
    judge(
      capsOf.get(id) ?? {},
      spentOf.get(id),
      open.filter((run) => run.keyId === id),
    );

  return {
    /** Keys for which nothing is left. */
    usedUp: ofService() === "refuse" ? [...capsOf.keys()] : capped.filter((id) => ofKey(id) === "refuse"),
    /** Whether no key may begin anything. */
    isShut: () => ofService() !== "begin",
    /** Keys that may begin nothing: their jobs are passed over, so that they take nobody's turn. */
    closed: () => capped.filter((id) => ofKey(id) !== "begin"),
    /** Counts its run as open where it may begin. Not so where the key had no job when the gate was opened: the next one knows it. */
    admits(job: Candidate): boolean {
      if (!capsOf.has(job.keyId) || ofService() !== "begin" || ofKey(job.keyId) !== "begin") return false;
      open.push(job);
      return true;
    },
  };
}

/** Of the day and the month. */
const leastLeft = ({ usdPerDay = Infinity, usdPerMonth = Infinity }: Budgets, spent?: Spent) =>
  Math.min(usdPerDay - (spent?.usdToday ?? 0), usdPerMonth - (spent?.usdThisMonth ?? 0));
