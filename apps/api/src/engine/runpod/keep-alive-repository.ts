import { and, eq, isNotNull, max } from "drizzle-orm";
import type { Db } from "../../db/client.ts";
import { keepAlives, runs } from "../../db/schema/schema.ts";

export type KeepAliveRepository = ReturnType<typeof createKeepAliveRepository>;

export function createKeepAliveRepository(db: Db) {
  return {
    /** When the engine last took anything to do; undefined if never. */
    async lastUse(engine: string): Promise<Date | undefined> {
      const [run] = await db
        .select({ at: max(runs.startedAt) })
        .from(runs)
        .where(and(eq(runs.engine, engine), isNotNull(runs.externalId)));
      const [kept] = await db.select().from(keepAlives).where(eq(keepAlives.engine, engine));
      const times = [run?.at, kept?.sentAt].filter((at) => at !== undefined && at !== null);
      return times.sort((a, b) => b.getTime() - a.getTime())[0];
    },

    async setSent(engine: string, sentAt: Date): Promise<void> {
      await db
        .insert(keepAlives)
        .values({ engine, sentAt })
        .onConflictDoUpdate({ target: keepAlives.engine, set: { sentAt } });
    },
  };
}
