import { sql } from "drizzle-orm";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startTestApi, type TestApi } from "../support/test-api.ts";

let api: TestApi;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.stop());

test("a replica that dies within a transaction holds its locks for seconds, not for hours", async () => {
  const names = ["idle_in_transaction_session_timeout", "tcp_keepalives_idle", "statement_timeout"];
  const rows = await api.db.execute(
    sql`select name, setting from pg_settings where name in ${names} order by name`,
  );
  expect(rows).toEqual([
    { name: "idle_in_transaction_session_timeout", setting: "10000" },
    { name: "statement_timeout", setting: "10000" },
    { name: "tcp_keepalives_idle", setting: "10" },
  ]);
});

test("no index is in an order that no query asks for", async () => {
  // What drizzle makes of `desc()`: Postgres then sorts all rows, instead of reading the index backwards.
  const rows = await api.db.execute<{ indexname: string }>(
    sql`select indexname from pg_indexes where schemaname = 'public' and indexdef like '%NULLS LAST%'`,
  );
  expect(rows).toEqual([]);
});
