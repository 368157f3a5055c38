import postgres from "postgres";
import { type Database, type Db, openDatabase } from "../../src/db/client.ts";

type Call = (...args: unknown[]) => unknown;

/** How drizzle asks its driver: of postgres.js, and of PGlite. */
const CALLS = ["unsafe", "begin", "query", "transaction"];

/** A database that can be broken and mended while the API runs. */
export function createBreakableDatabase() {
  // Nothing listens there: the driver's own error is what repositories get.
  const nowhere = postgres("postgres://127.0.0.1:1/none", { backoff: () => 0 });
  let isDown = false;
  let real: Db | undefined;

  return {
    async open(...args: Parameters<typeof openDatabase>): Promise<Database> {
      const database = await openDatabase(...args);
      real = database.db;
      const { $client: client } = database.db as unknown as { $client: Record<string, Call> };
      for (const name of CALLS) {
        const call = client[name]?.bind(client);
        if (call) client[name] = (...args) => (isDown ? nowhere.unsafe("select 1") : call(...args));
      }
      return database;
    },

    /** As if it could not be reached. */
    async whileDown<T>(work: () => Promise<T>): Promise<T> {
      isDown = true;
      return work().finally(() => {
        isDown = false;
      });
    },

    /** Takes no new rows, and its errors tell what was in them. */
    async whileRefusing<T>(work: () => Promise<T>): Promise<T> {
      for (const table of ["jobs", "uploads"])
        await real?.execute(`alter table ${table} add constraint refused check (false) not valid`);
      return work().finally(async () => {
        for (const table of ["jobs", "uploads"])
          await real?.execute(`alter table ${table} drop constraint refused`);
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
