import type { Config } from "../config.ts";
import { type Database, openDatabase } from "../db/client.ts";
import { orStartError } from "../start-error.ts";

/** Opens the database, which brings its schema up to date, for `work`. @throws StartError where it cannot be opened */
export async function withDatabase<T>(
  { database: config }: Config,
  work: (database: Database) => Promise<T>,
): Promise<T> {
  const variable = "url" in config ? "DATABASE_URL" : "DATA_DIR";
  const database = await orStartError(`${variable}: cannot open the database`, () => openDatabase(config));
  try {
    return await work(database);
  } finally {
    await database.close();
  }
}
