import { setImmediate as turn } from "node:timers/promises";
import type { Job } from "@avatar/contract/types";
import { pino } from "pino";
import { expect, test } from "vitest";
import { AppError } from "../errors.ts";
import { createJobChanges } from "./job-changes.ts";
import type { JobRow } from "./job-repository.ts";
import { streamJob } from "./job-stream.ts";

type State = Pick<JobRow, "version" | "status">;

/** A job whose row is at hand, without a database. */
async function aJob() {
  let hear = (_id: string) => {};
  const database = {
    async listen(_channel: string, onMessage: (id: string) => void) {
      hear = onMessage;
    },
    notify: async (_channel: string, id: string) => hear(id),
  };
  const changes = createJobChanges({ database, log: pino({ level: "silent" }) });
  await changes.start();
  let openWatches = 0;
  const job = {
    row: { version: 1, status: "queued" } as State,
    /** What the next read fails with. */
    error: undefined as Error | undefined,
    reads: 0,
    changes,
    get openWatches() {
      return openWatches;
    },
    change(status: State["status"]) {
      job.row = { version: job.row.version + 1, status };
      job.announce();
    },
    announce: () => changes.publish("job_1"),
    /** Read so often, and waiting for a change again. */
    async untilRead(times: number) {
      while (job.reads < times) await turn();
      await turn();
    },
    stream: (after = 0, signal?: AbortSignal) =>
      streamJob({
        id: "job_1",
        async find() {
          await turn();
          job.reads++;
          const { error } = job;
          job.error = undefined;
          if (error) throw error;
          return job.row as JobRow;
        },
        inView: async ({ version, status }) => ({ version, status }) as Job,
        changes: {
          watch(id) {
            const watch = changes.watch(id);
            openWatches++;
            return {
              ...watch,
              close() {
                openWatches--;
                watch.close();
              },
            };
          },
          get isStopping() {
            return changes.isStopping;
          },
        },
        after,
        signal,
      }),
  };
  return job;
}

const END = { done: true, value: undefined };
const state = (version: number, status: State["status"]) => ({ done: false, value: { version, status } });
const unreachable = Object.assign(new Error("no connection"), { code: "ECONNREFUSED" });

test("the job as it is comes first, then each newer state, and a final one is the last", async () => {
  const job = await aJob();
  const stream = job.stream();
  expect(await stream.next()).toEqual(state(1, "queued"));
  for (const [version, status] of [
    [2, "starting"],
    [3, "running"],
    [4, "succeeded"],
  ] as const) {
    const next = stream.next();
    job.change(status);
    expect(await next).toEqual(state(version, status));
  }
  expect(await stream.next()).toEqual(END);
  expect(job.openWatches).toBe(0);
});

test("what is known already is left out, and what was announced without being new as well", async () => {
  const job = await aJob();
  const next = job.stream(1).next();
  job.announce();
  job.change("starting");
  expect(await next).toEqual(state(2, "starting"));
});

test("a change while the reader is busy is not lost, and of several the last one counts", async () => {
  const job = await aJob();
  const stream = job.stream();
  await stream.next();
  job.change("starting");
  job.change("running");
  expect(await stream.next()).toEqual(state(3, "running"));
});

test("a final state that is known already ends it at once", async () => {
  const job = await aJob();
  job.row = { version: 4, status: "failed" };
  expect(await job.stream(4).next()).toEqual(END);
  expect(job.openWatches).toBe(0);
});

test.each(["abort", "stop", "return"])("%s ends a wait, without another look at the job", async (how) => {
  const job = await aJob();
  const gone = new AbortController();
  const stream = job.stream(1, gone.signal);
  const next = stream.next();
  expect(job.openWatches).toBe(1);
  await job.untilRead(1);
  if (how === "abort") gone.abort();
  if (how === "stop") job.changes.releaseWaiters();
  if (how === "return") {
    const returned = stream.return();
    gone.abort();
    await returned;
  }
  expect(await next).toEqual(END);
  expect({ reads: job.reads, openWatches: job.openWatches }).toEqual({ reads: 1, openWatches: 0 });
});

test("a stream that begins while the server stops still tells the job as it is", async () => {
  const job = await aJob();
  job.changes.releaseWaiters();
  const stream = job.stream();
  expect(await stream.next()).toEqual(state(1, "queued"));
  expect(await stream.next()).toEqual(END);
});

test("an outage of the database is sat out", async () => {
  const job = await aJob();
  const stream = job.stream();
  await stream.next();
  const next = stream.next();
  await job.untilRead(1);
  job.error = unreachable;
  job.announce();
  await job.untilRead(2);
  job.change("starting");
  expect(await next).toEqual(state(2, "starting"));
});

test.each([
  ["an outage at the beginning", 0, unreachable],
  ["a job that is gone", 1, new AppError("job_not_found")],
])("%s ends it with the error", async (_what, known, error) => {
  const job = await aJob();
  const stream = job.stream();
  if (known) await stream.next();
  job.error = error;
  job.announce();
  await expect(stream.next()).rejects.toBe(error);
  expect(job.openWatches).toBe(0);
});
