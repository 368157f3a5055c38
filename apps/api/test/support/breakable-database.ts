import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { type Database, type Db, openDatabase } from "../../src/db/client.ts";

/** A database that can be broken and mended while the API runs. */
export function createBreakableDatabase() {
  // Nothing listens there: the driver's own error is what repositories get.
  const nowhere = drizzle({
    client: postgres("postgres://127.0.0.1:1/none", { backoff: () => 0 }),
  }) as unknown as Db;
  let isDown = false;
  let real: Db | undefined;

  return {
    async open(...args: Parameters<typeof openDatabase>): Promise<Database> {
      const database = await openDatabase(...args);
      real = database.db;
      const get = (db: Db, name: string | symbol) => Reflect.get(isDown ? nowhere : db, name);
      return { ...database, db: new Proxy(database.db, { get }) };
    },

    /** As if it could not be reached. */
    async whileDown<T>(work: () => Promise<T>): Promise<T> {
      isDown = true;
      return work().finally(() => {
        isDown = false;
      });
    },

    /** As if somebody had removed what keys do not need: an error that nobody expects. */
    async withoutTables<T>(work: () => Promise<T>): Promise<T> {
      await real?.execute("alter table jobs rename to jobs_away");
      await real?.execute("alter table uploads rename to uploads_away");
      return work().finally(async () => {
        await real?.execute("alter table jobs_away rename to jobs");
        await real?.execute("alter table uploads_away rename to uploads");
      });
    },
  };
}
