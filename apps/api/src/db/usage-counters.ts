import { and, eq, gte, inArray, lte, type SQLWrapper, sql, sum } from "drizzle-orm";
import type { Db } from "./client.ts";
import { usageDays } from "./schema/schema.ts";

type UsageRow = typeof usageDays.$inferSelect;
type Count = Exclude<keyof UsageRow, "day" | "keyId" | "owner" | "mode">;

/** Whose usage it is. */
export type UsageOf = Pick<UsageRow, "keyId" | "owner" | "mode">;
export type Counts = Partial<Pick<UsageRow, Count>>;

/** What a key, or all keys, have used of what budgets and quotas are about. */
export interface Spent {
  gpuSecondsToday: number;
  usdToday: number;
  usdThisMonth: number;
}

export const usageOf = ({ keyId, owner, mode }: UsageOf): UsageOf => ({ keyId, owner, mode });

export const dayOf = (time: Date) => time.toISOString().slice(0, 10);
export const monthStart = (time: Date) => `${time.toISOString().slice(0, 7)}-01`;

/** To be called in the transaction of what is counted. */
export async function addUsage(tx: Db, now: Date, counted: readonly (UsageOf & Counts)[]): Promise<void> {
  if (counted.length === 0) return;
  const names = [...new Set(counted.flatMap((each) => Object.keys(each)))].filter(isCount);
  // In one order, so that two transactions never wait for each other.
  const rows = [...Map.groupBy(counted, ({ keyId }) => keyId)].sort().flatMap(([, ofKey]) => {
    const total = (name: Count) => ofKey.reduce((sum, each) => sum + (each[name] ?? 0), 0);
    const totals = Object.fromEntries(names.map((name) => [name, total(name)]));
    return ofKey.slice(0, 1).map((each) => ({ ...usageOf(each), ...totals, day: dayOf(now) }));
  });
  const column = (name: Count) => usageDays[name];
  await tx
    .insert(usageDays)
    .values(rows)
    .onConflictDoUpdate({
      target: [usageDays.keyId, usageDays.day],
      set: Object.fromEntries(
        names.map((name) => [name, sql`${column(name)} + ${sql.raw(`excluded.${snakeCase(name)}`)}`]),
      ),
    });
}

const isCount = (name: string): name is Count => !["day", "keyId", "owner", "mode"].includes(name);
const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

/** By the key, without what is forgiven it; those without any are left out. */
export async function spentByKey(tx: Db, keyIds: readonly string[], now: Date): Promise<Map<string, Spent>> {
  const rows = await tx
    .select({
      keyId: usageDays.keyId,
      ...spentColumns(now, sql`${usageDays.costUsd} - ${usageDays.forgivenUsd}`),
    })
    .from(usageDays)
    .where(and(inArray(usageDays.keyId, [...keyIds]), ...thisMonth(now)))
    .groupBy(usageDays.keyId);
  return new Map(rows.map(({ keyId, ...spent }) => [keyId, toSpent(spent)]));
}

/** By all live keys, all that the operator has paid. */
export async function spentByAll(tx: Db, now: Date): Promise<Spent> {
  const [row] = await tx
    .select(spentColumns(now, usageDays.costUsd))
    .from(usageDays)
    .where(and(eq(usageDays.mode, "live"), ...thisMonth(now)));
  return toSpent(row);
}

const thisMonth = (now: Date) => [gte(usageDays.day, monthStart(now)), lte(usageDays.day, dayOf(now))];

function spentColumns(now: Date, usd: SQLWrapper) {
  const isToday = sql`${usageDays.day} = ${dayOf(now)}`;
  return {
    gpuSecondsToday: sql<
      string | null
    >`sum(${usageDays.gpuSeconds} - ${usageDays.forgivenGpuSeconds}) filter (where ${isToday})`,
    usdToday: sql<string | null>`sum(${usd}) filter (where ${isToday})`,
    usdThisMonth: sum(usd),
  };
}

const toSpent = (row?: { [F in keyof Spent]: string | null }): Spent => ({
  gpuSecondsToday: Math.max(Number(row?.gpuSecondsToday ?? 0), 0),
  usdToday: Math.max(Number(row?.usdToday ?? 0), 0),
  usdThisMonth: Math.max(Number(row?.usdThisMonth ?? 0), 0),
});
