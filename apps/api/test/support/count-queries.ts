import { type Database, openDatabase } from "../../src/db/client.ts";

type Call = (text: unknown, ...rest: unknown[]) => unknown;

/** Counts the statements of an API that match. */
export function countQueries(pattern: RegExp) {
  let count = 0;
  return {
    async open(...args: Parameters<typeof openDatabase>): Promise<Database> {
      const database = await openDatabase(...args);
      const { $client: client } = database.db as unknown as { $client: Record<string, Call> };
      // As drizzle asks postgres.js, and PGlite.
      for (const name of ["unsafe", "query"]) {
        const call = client[name]?.bind(client);
        if (!call) continue;
        client[name] = (text, ...rest) => {
          if (pattern.test(String(text))) count++;
          return call(text, ...rest);
        };
      }
      return database;
    },
    get count() {
      return count;
    },
  };
}
