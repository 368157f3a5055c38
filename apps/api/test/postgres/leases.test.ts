import postgres from "postgres";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import { runs } from "../../src/db/schema/schema.ts";
import { startChildApi } from "../support/child-api.ts";
import { jobRow, outcomesOf, queueJob, untilStatus } from "../support/queue.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { startTestApi, type TestApi, type TestApiOptions } from "../support/test-api.ts";
import { createTestDatabase, type TestDatabase } from "../support/test-database.ts";
import { until } from "../support/until.ts";
import { countWaiting } from "../support/waiting.ts";

let database: TestDatabase;
beforeEach(async () => {
  database = await createTestDatabase("postgres");
  onTestFinished(database.remove); // At last: what was opened later is closed before.
});

async function startReplica(options: TestApiOptions = {}): Promise<TestApi> {
  const replica = await startTestApi({ database, ...options });
  onTestFinished(() => replica.stop());
  return replica;
}

/** A replica that reaches the database over a connection that can be broken. */
async function startOnProxy(options: TestApiOptions = {}): Promise<{ replica: TestApi; proxy: TcpProxy }> {
  if (!("url" in database.config)) throw new Error("this needs Postgres");
  const proxy = await startTcpProxy(database.config.url);
  onTestFinished(proxy.close);
  return {
    replica: await startReplica({ database: { ...database, config: { url: proxy.url } }, ...options }),
    proxy,
  };
}

async function onServer<T>(work: (sql: postgres.Sql) => Promise<T>): Promise<T> {
  if (!("url" in database.config)) throw new Error("this needs Postgres");
  const sql = postgres(database.config.url, { max: 1 });
  try {
    return await work(sql);
  } finally {
    await sql.end();
  }
}

const listeners = (sql: postgres.Sql) =>
  sql<
    { pid: number }[]
  >`select pid from pg_stat_activity where datname = current_database() and query like 'listen %'`;

test("F3: another replica finishes the runs of one that was killed", async () => {
  const other = await startReplica({ config: { maxRunsInFlight: 1 } });
  const release = Promise.withResolvers<void>();
  other.engine.scripts = [{ hold: release.promise }];
  const blocker = await queueJob(other);
  await untilStatus(other.db, blocker.id, "running");
  const dying = await startChildApi({
    database,
    child: { engine: "hold" },
    env: { MAX_RUNS_IN_FLIGHT: "5" },
  });
  const queued = await Promise.all(Array.from({ length: 5 }, () => queueJob(other)));
  for (const job of queued) await untilStatus(other.db, job.id, "running");

  await dying.kill();
  release.resolve();

  for (const job of queued) {
    await untilStatus(other.db, job.id, "succeeded");
    expect(await outcomesOf(other.db, job.id)).toEqual(["lost", "succeeded"]);
  }
  expect(await outcomesOf(other.db, blocker.id)).toEqual(["succeeded"]);
});

test("F4: runs go on through an outage that is longer than their lease", async () => {
  const { replica, proxy } = await startOnProxy({ dispatcher: { leaseMs: 2000 } });
  const release = Promise.withResolvers<void>();
  replica.engine.scripts = [{ hold: release.promise }];
  const job = await queueJob(replica);
  await untilStatus(replica.db, job.id, "running");

  proxy.down();
  await onServer((sql) =>
    until("the lease has run out", async () => {
      const [row] = await sql`select from runs where lease_until < clock_timestamp()`;
      return row;
    }),
  );
  proxy.up();
  await until("the lease is renewed", () =>
    onServer(async (sql) => {
      const [row] = await sql`select from runs where lease_until > clock_timestamp()`;
      return row;
    }),
  );
  release.resolve();

  await untilStatus(replica.db, job.id, "succeeded");
  expect(await outcomesOf(replica.db, job.id)).toEqual(["succeeded"]);
});

test("F4: a replica hears of changes again after its connections were terminated", async () => {
  const polls = countWaiting();
  const asked = await startReplica({ config: { maxRunsInFlight: 1 }, ...polls.overrides });
  const other = await startReplica({ config: { maxRunsInFlight: 1 } });
  const release = Promise.withResolvers<void>();
  for (const replica of [asked, other]) replica.engine.scripts = [{ hold: release.promise }];
  const job = await queueJob(other);
  await untilStatus(other.db, job.id, "running");
  const { version } = await jobRow(other.db, job.id);
  const poll = asked.rest("GET", `/v1/jobs/${job.id}?wait=30&after=${version}`);
  await polls.reaches(1);

  await onServer(async (sql) => {
    const before = (await listeners(sql)).map((row) => row.pid);
    expect(before).toHaveLength(2);
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`;
    await until("both listen again", async () => {
      const after = (await listeners(sql)).map((row) => row.pid);
      return after.length === 2 && after.every((pid) => !before.includes(pid));
    });
  });
  release.resolve();

  expect((await poll).body).toMatchObject({ status: "succeeded" });
  expect(await outcomesOf(other.db, job.id)).toEqual(["succeeded"]);
});

test("F4: connections that break within transactions fail no job", async () => {
  const replicas = [await startReplica(), await startReplica()] as const;
  const [replica] = replicas;
  const queued = await Promise.all(Array.from({ length: 40 }, () => queueJob(replica)));
  const rendered = () => replicas.flatMap(({ engine }) => engine.completed).length;

  await onServer(async (sql) => {
    for (let round = 1; round <= 8; round++) {
      await until("some more are rendered", () => rendered() >= round * 4);
      await sql`select pg_terminate_backend(pid) from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid()`;
    }
  });

  await until("all have succeeded", async () => {
    const rows = await replica.db
      .select()
      .from(runs)
      .catch(() => []); // The connection may be a broken one.
    return rows.filter((run) => run.outcome === "succeeded").length === queued.length;
  });
});

test("F4: a replica listens again after an outage", async () => {
  const { replica, proxy } = await startOnProxy();
  await onServer(async (sql) => {
    await until("it listens", async () => (await listeners(sql)).length === 1);
    proxy.down();
    await until("it is cut off", async () => (await listeners(sql)).length === 0);
    await until("it has tried in vain", () => replica.logs.some((line) => line.includes("is tried again")));
    proxy.up();
    await until("it listens again", async () => (await listeners(sql)).length === 1);
  });
});

test("F2: a video whose commit went unanswered is kept, and a stop does not wait for the database", async () => {
  const { replica, proxy } = await startOnProxy({ config: { maxRunsInFlight: 1 } });
  const release = Promise.withResolvers<void>();
  replica.engine.scripts = [{ hold: release.promise }];
  const job = await queueJob(replica);
  await untilStatus(replica.db, job.id, "running");
  const down = proxy.downAtCommitOf("succeeded");
  release.resolve();
  await down;

  const stopped = replica.stopAtOnce();
  await until("the outcome is given up", () => replica.logs.some((line) => line.includes("was not stored")));
  await stopped;

  const other = await startReplica();
  const { videoKey } = await untilStatus(other.db, job.id, "succeeded");
  expect((await database.readObject(videoKey ?? "")).toString("latin1")).toContain(`the video of ${job.id}`);
  expect(await other.db.select().from(runs)).toHaveLength(1);
});
