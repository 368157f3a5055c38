import { onTestFinished } from "vitest";
import { type Db, openDatabase } from "../../src/db/client.ts";
import { type ChildApi, startChildApi } from "./child-api.ts";
import type { ChildOptions } from "./child-main.ts";
import { createRest, type Rest } from "./rest.ts";
import { createTestDatabase, type TestDatabase } from "./test-database.ts";

export interface Replicas {
  apis: [ChildApi, ChildApi];
  database: TestDatabase;
  /** To look at rows and to make some. */
  db: Db;
  /** A client of a key that sends each request to the replica whose turn it is. */
  restOf(key: string): Rest;
}

/** The API in two processes on one Postgres database. All of it ends with the test. */
export async function startReplicas(
  child: ChildOptions = {},
  env: Record<string, string> = {},
): Promise<Replicas> {
  const database = await createTestDatabase("postgres");
  onTestFinished(() => database.remove()); // At last: what was opened later is closed before.
  const { db, close } = await openDatabase(database.config);
  onTestFinished(close);
  const start = () => startChildApi({ database, child, env });
  const apis = await Promise.all([start(), start()]);
  let turn = 0;
  return {
    apis,
    database,
    db,
    restOf(key) {
      const rests = apis.map(({ url }) => createRest(url, key));
      return (...request) => (rests[turn++ % 2] as Rest)(...request);
    },
  };
}
