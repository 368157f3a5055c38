import { drizzle } from "drizzle-orm/postgres-js";
import postgres from "postgres";
import { type Database, type Db, openDatabase } from "../../src/db/client.ts";

/** A database that can be taken away and given back while the API runs. */
export function createBreakableDatabase() {
  // Nothing listens there: the driver's own error is what repositories get.
  const nowhere = drizzle({
    client: postgres("postgres://127.0.0.1:1/none", { backoff: () => 0 }),
  }) as unknown as Db;
  let isDown = false;
  return {
    setDown(down: boolean): void {
      isDown = down;
    },
    async open(...args: Parameters<typeof openDatabase>): Promise<Database> {
      const database = await openDatabase(...args);
      const get = (db: Db, name: string | symbol) => Reflect.get(isDown ? nowhere : db, name);
      return { ...database, db: new Proxy(database.db, { get }) };
    },
  };
}
