import { and, eq, sql } from "drizzle-orm";
import type { Db } from "../db/client.ts";
import { requestWindows } from "../db/schema/schema.ts";

export type RequestWindowRepository = ReturnType<typeof createRequestWindowRepository>;

const WINDOW = sql`interval '60 seconds'`;
/** One for the whole statement: were each look at the clock another, a window could be over for one column alone. */
const NOW = sql`statement_timestamp()`;

export function createRequestWindowRepository(db: Db) {
  return {
    /**
     * Lets up to `wanted` requests of `calls` calls each through, as many as fit within the limit whole. The database
     * tells the time, so that replicas need no common clock.
     * @returns how many were let through, how many calls the window has had by then, and in how many seconds it ends
     */
    async take(keyId: string, { calls, wanted, limit }: { calls: number; wanted: number; limit: number }) {
      const { startedAt, used } = requestWindows;
      const isOver = sql`${startedAt} <= ${NOW} - ${WINDOW}`;
      const usedBefore = sql`case when ${isOver} then 0 else ${used} end`;
      const fitting = sql`greatest(${limit}::integer - ${usedBefore}, 0) / ${calls}::integer`;
      const granted = sql`least(${wanted}::integer, ${fitting})`;
      const first = Math.min(wanted, Math.floor(limit / calls));
      const [row] = await db
        .insert(requestWindows)
        .values({ keyId, startedAt: NOW, used: first * calls, granted: first })
        .onConflictDoUpdate({
          target: requestWindows.keyId,
          set: {
            startedAt: sql`case when ${isOver} then ${NOW} else ${startedAt} end`,
            used: sql`${usedBefore} + ${granted} * ${calls}::integer`,
            granted,
          },
        })
        .returning({
          granted: requestWindows.granted,
          used,
          // As text, which has all its digits.
          startedAt: sql<string>`${startedAt}::text`,
          secondsLeft: sql<string>`greatest(extract(epoch from ${startedAt} + ${WINDOW} - clock_timestamp()), 0)`,
        });
      if (!row) throw new Error("the window of a key was not counted");
      return { ...row, secondsLeft: Number(row.secondsLeft) };
    },

    /** To the window that they were taken of: a later one owes nothing for it. */
    async giveBack(keyId: string, startedAt: string, calls: number): Promise<void> {
      await db
        .update(requestWindows)
        .set({ used: sql`${requestWindows.used} - ${calls}::integer` })
        .where(
          and(eq(requestWindows.keyId, keyId), eq(requestWindows.startedAt, sql`${startedAt}::timestamptz`)),
        );
    },
  };
}
