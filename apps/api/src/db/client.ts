import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sql } from "drizzle-orm";
import type { PgDatabase, PgQueryResultHKT } from "drizzle-orm/pg-core";
import { drizzle as drizzlePostgres } from "drizzle-orm/postgres-js";
import { migrate as migratePostgres } from "drizzle-orm/postgres-js/migrator";
import postgres from "postgres";
import type { DatabaseConfig } from "../config.ts";
import { StartError } from "../start-error.ts";
import { lockDataDir } from "./data-dir-lock.ts";
import { LOCKS } from "./locks.ts";
import * as schema from "./schema/schema.ts";

/** What repositories use; the same for PGlite, Postgres and a transaction on either. */
export type Db = PgDatabase<PgQueryResultHKT, typeof schema>;

export interface Database {
  db: Db;
  /** For what may be forgotten if the database server itself crashes: its commits do not wait for the disk. */
  relaxed: Db;
  /** Calls `onMessage` for each NOTIFY on `channel`, and `onReconnect` when some may have been missed. */
  listen(channel: string, onMessage: (payload: string) => void, onReconnect: () => void): Promise<void>;
  notify(channel: string, payload: string): Promise<void>;
  /** Does nothing while another process does work under the same lock. */
  exclusively(lock: number, work: () => Promise<void>): Promise<void>;
  close(): Promise<void>;
}

const migrationsFolder = fileURLToPath(new URL("./migrations", import.meta.url));
const options = { schema, casing: "snake_case" } as const;

/** Connects and brings the schema up to date. */
export function openDatabase(config: DatabaseConfig): Promise<Database> {
  return "url" in config ? openPostgres(config.url) : openPglite(config.dataDir);
}

async function openPglite(dataDir: string): Promise<Database> {
  await mkdir(dataDir, { recursive: true });
  // PGlite lets a second process open the same directory and then silently loses what one of them wrote.
  const unlock = lockDataDir(dataDir);
  try {
    // Some forty megabytes that a server with Postgres does without.
    const { PGlite } = await import("@electric-sql/pglite");
    const { drizzle } = await import("drizzle-orm/pglite");
    const { migrate } = await import("drizzle-orm/pglite/migrator");
    const path = join(dataDir, "pglite");
    const client = await PGlite.create(path).catch((cause: unknown) => {
      throw new StartError(
        `DATA_DIR: ${path} is no database that this version can open: ${cause}. ` +
          "Restore a backup of it, move it away to begin anew, or choose another DATA_DIR.",
        { cause },
      );
    });
    const db = drizzle({ client, ...options });
    await migrate(db, { migrationsFolder });
    return {
      db,
      relaxed: db,
      async listen(channel, onMessage) {
        await client.listen(channel, onMessage);
      },
      async notify(channel, payload) {
        await client.query("select pg_notify($1, $2)", [channel, payload]);
      },
      // No other process has this database.
      exclusively: (_lock, work) => work(),
      async close() {
        await client.close();
        unlock();
      },
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

async function openPostgres(url: string): Promise<Database> {
  const connect = (max: number, settings = {}) =>
    postgres(url, {
      max,
      connect_timeout: 2,
      // Reconnect quickly: requests answer 503 in the meantime.
      backoff: (attempt) => Math.min(0.05 * 2 ** attempt, 1),
      onnotice: () => {},
      // No array types are in use, and where the connection breaks during this query, the process ends.
      fetch_types: false,
      connection: {
        application_name: "avatar-api",
        statement_timeout: 10_000,
        // Where a replica's host dies or freezes within a transaction, its locks must not hold up the others: by default
        // Postgres finds that out after two hours.
        idle_in_transaction_session_timeout: 10_000,
        tcp_keepalives_idle: 10,
        tcp_keepalives_interval: 5,
        tcp_keepalives_count: 3,
        ...settings,
      },
    });
  const client = withPreparedStatements(connect(10));
  // Drizzle replaces the parsers of the client it is given, so LISTEN and NOTIFY have one of their own.
  const signals = connect(1);
  const relaxed = withPreparedStatements(connect(2, { synchronous_commit: "off" }));
  const close = async () => {
    await Promise.all([client, signals, relaxed].map((each) => each.end({ timeout: 2 })));
  };
  try {
    const db = drizzlePostgres({ client, ...options });
    await migrateOnce(url);
    return {
      db,
      relaxed: drizzlePostgres({ client: relaxed, ...options }),
      async listen(channel, onMessage, onReconnect) {
        let connectedBefore = false;
        await signals.listen(channel, onMessage, () => {
          if (connectedBefore) onReconnect();
          connectedBefore = true;
        });
      },
      async notify(channel, payload) {
        await signals.notify(channel, payload);
      },
      exclusively: (lock, work) =>
        // Of a transaction, not of a session: it ends with it, whatever becomes of the connection.
        db.transaction(async (tx) => {
          // It idles while the work is done, elsewhere.
          await tx.execute(sql`set local idle_in_transaction_session_timeout = 0`);
          const [row] = await tx.execute<{ locked: boolean }>(
            sql`select pg_try_advisory_xact_lock(${lock}) as locked`,
          );
          if (row?.locked) await work();
        }),
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Longer ones come in too many shapes for Postgres to keep them all. */
const MAX_PREPARED_PARAMS = 64;

/**
 * Drizzle asks for no prepared statements, which costs two round trips instead of one, and a plan, for each query:
 * measured, half of Postgres' time.
 */
function withPreparedStatements<T extends postgres.Sql>(client: T): T {
  const wrap = <S extends postgres.Sql | postgres.TransactionSql>(sql: S): S => {
    const { unsafe } = sql;
    sql.unsafe = ((query, params = [], settings = {}) =>
      unsafe(query, params, {
        ...settings,
        prepare: params.length > 0 && params.length <= MAX_PREPARED_PARAMS,
      })) as typeof unsafe;
    return sql;
  };
  const begin = client.begin.bind(client) as (...args: unknown[]) => unknown;
  client.begin = ((...args: unknown[]) => {
    const work = args.pop() as (sql: postgres.TransactionSql) => unknown;
    return begin(...args, (sql: postgres.TransactionSql) => work(wrap(sql)));
  }) as typeof client.begin;
  return wrap(client);
}

/** The driver's own limit leaves out hosts that answer nothing at all. */
async function answerOf(client: postgres.Sql): Promise<void> {
  const { promise: silence, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new StartError("DATABASE_URL: no answer within 10 s")), 10_000);
  try {
    await Promise.race([client`select 1`, silence]);
  } finally {
    clearTimeout(timer);
  }
}

/** Replicas that start at the same time take turns. */
async function migrateOnce(url: string): Promise<void> {
  const client = postgres(url, { max: 1, connect_timeout: 5, onnotice: () => {} });
  try {
    await answerOf(client);
    await client`select pg_advisory_lock(${LOCKS.migration})`;
    await migratePostgres(drizzlePostgres({ client, ...options }), { migrationsFolder });
  } finally {
    await client.end({ timeout: 2 });
  }
}
