import { sql } from "drizzle-orm";
import postgres from "postgres";
import { expect, onTestFinished, test } from "vitest";
import { openDatabase } from "../../src/db/client.ts";
import { isDatabaseUnavailable } from "../../src/db/unavailable.ts";
import { createTestDatabase } from "../support/test-database.ts";
import { until } from "../support/until.ts";

const POOL = 10;

test("F4: where connections break within queries and are not let in again, queries fail at once, and work when they are", async () => {
  const test = await createTestDatabase("postgres", "disk");
  onTestFinished(test.remove);
  if (!("url" in test.config)) throw new Error("this test needs a Postgres server");
  const login = new URL(test.config.url);
  const admin = postgres(test.config.url, { max: 1 });
  const role = login.pathname.slice(1);
  await admin.unsafe(`create role ${role} superuser login password 'secret'`);
  onTestFinished(() => admin.end());
  login.username = role;
  login.password = "secret";
  const { db, close } = await openDatabase({ url: login.href });
  onTestFinished(close);

  // Every connection of the pool is within a query.
  const asleep = Array.from({ length: POOL }, () => db.execute(sql`select pg_sleep(${30})`));
  const broken = Promise.allSettled(asleep);
  const sleeping = () =>
    admin`select pid from pg_stat_activity where usename = ${role} and query like '%pg_sleep%'`;
  await until("all are in a query", async () => (await sleeping()).length === POOL);
  await admin.unsafe(`alter role ${role} nologin`);
  await admin`select pg_terminate_backend(pid) from pg_stat_activity where usename = ${role}`;
  expect((await broken).map(({ status }) => status)).toEqual(asleep.map(() => "rejected"));

  const refused = await Promise.allSettled(asleep.map(() => db.execute(sql`select ${1}::integer`)));
  for (const outcome of refused)
    expect(outcome.status === "rejected" && isDatabaseUnavailable(outcome.reason)).toBe(true);

  await admin.unsafe(`alter role ${role} login`);
  await until("it works again", () =>
    db.execute(sql`select ${1}::integer`).then(
      () => true,
      () => false,
    ),
  );
});
