import { eq, sql } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { requestWindows } from "../db/schema/schema.ts";

export type RequestWindowRepository = ReturnType<typeof createRequestWindowRepository>;

const WINDOW = sql`interval '60 seconds'`;

export function createRequestWindowRepository(db: Db) {
  return {
    /**
     * Lets up to `wanted` requests through, and no more than `limit` within a window. The database tells the time, so that
     * replicas need no common clock.
     * @returns how many were let through, how many that makes in the window, and in how many seconds it ends
     */
    async take(keyId: string, wanted: number, limit: number) {
      const { startedAt, used } = requestWindows;
      const isOver = sql`${startedAt} <= clock_timestamp() - ${WINDOW}`;
      const usedBefore = sql`case when ${isOver} then 0 else ${used} end`;
      const granted = sql`least(${wanted}::integer, greatest(${limit}::integer - ${usedBefore}, 0))`;
      const first = Math.min(wanted, limit);
      const [row] = await db
        .insert(requestWindows)
        .values({ keyId, startedAt: sql`clock_timestamp()`, used: first, granted: first })
        .onConflictDoUpdate({
          target: requestWindows.keyId,
          set: {
            startedAt: sql`case when ${isOver} then clock_timestamp() else ${startedAt} end`,
            used: sql`${usedBefore} + ${granted}`,
            granted,
          },
        })
        .returning({
          granted: requestWindows.granted,
          used,
          secondsLeft: sql<string>`greatest(extract(epoch from ${startedAt} + ${WINDOW} - clock_timestamp()), 0)`,
        });
      if (!row) throw new Error("the window of a key was not counted");
      return { ...row, secondsLeft: Number(row.secondsLeft) };
    },

    /** Gives requests back that were not answered through our fault. */
    async giveBack(keyId: string, count: number): Promise<void> {
      await db
        .update(requestWindows)
        .set({ used: sql`greatest(${requestWindows.used} - ${count}, 0)` })
        .where(eq(requestWindows.keyId, keyId));
    },
  };
}
