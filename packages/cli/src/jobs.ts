import type { Job, JobStatus } from "@avatar/client";
import { defineCommand } from "./command.ts";
import { oneOf, wholeNumber } from "./flags.ts";
import { dollars, plain, table } from "./format.ts";
import { progressOf } from "./progress.ts";

const STATUSES = [
  "queued",
  "starting",
  "running",
  "succeeded",
  "failed",
  "canceled",
  "expired",
] as const satisfies readonly JobStatus[];

export const listJobs = defineCommand({
  name: "jobs list",
  summary: "list your jobs, newest first",
  operands: [],
  options: {
    status: { type: "string", value: STATUSES.join("|"), help: "only these" },
    limit: { type: "string", value: "<number>", help: "how many at most; default 20" },
  },
  prepare(values) {
    const status = oneOf("--status", values.status, STATUSES);
    const limit = wholeNumber("--limit", values.limit, [1, 1_000_000]) ?? 20;
    return async (context) => {
      const { avatar, brief, isJson, print, display } = context;
      const rows: string[][] = [];
      let count = 0;
      for await (const job of avatar.jobs.list({ status, limit: Math.min(limit, 100) }, brief)) {
        if (isJson) print(job, "");
        else rows.push(rowOf(job));
        if (++count === limit) break;
      }
      if (rows.length > 0) print(undefined, table([["JOB", "STATUS", "CREATED", "AUDIO", "COST"], ...rows]));
      else if (count === 0) display.note("There are no such jobs.");
    };
  },
});

const rowOf = (job: Job) => [
  job.id,
  job.status === "running" ? `running ${Math.floor(job.progress * 100)} %` : job.status,
  job.createdAt,
  `${job.audioSeconds.toFixed(1)} s`,
  dollars(job.cost.usd),
];

export const getJob = defineCommand({
  name: "jobs get",
  summary: "show a job",
  operands: ["<job>"],
  options: {},
  prepare:
    (_, [id = ""]) =>
    async (context) => {
      const job = await context.avatar.jobs.get(id, context.brief);
      context.print(job, factsOf(job));
    },
});

export const cancelJob = defineCommand({
  name: "jobs cancel",
  summary: "stop a job; one that has ended stays as it is",
  operands: ["<job>"],
  options: {},
  prepare:
    (_, [id = ""]) =>
    async (context) => {
      const job = await context.avatar.jobs.cancel(id, context.brief);
      context.print(job, job.status);
    },
});

export const watchJob = defineCommand({
  name: "jobs watch",
  summary: "follow a job to its end; Ctrl-C leaves it running",
  operands: ["<job>"],
  options: {},
  prepare:
    (_, [id = ""]) =>
    async (context) => {
      const { avatar, display, isJson, print, stop } = context;
      const onUpdate = (job: Job) => {
        display.show(progressOf(job));
        if (isJson) print(job, "");
      };
      const generation = avatar.resume(id, { signal: stop.signal, onAbort: "leave", onUpdate });
      await generation;
      if (!isJson) print(undefined, "succeeded");
    },
});

/** Every field in a line of its own; what has no value yet is left out. */
function factsOf(job: Job): string {
  const rows = Object.entries(job).flatMap(([name, value]): [string, string][] =>
    typeof value === "object"
      ? Object.entries(value).map(([inner, of]): [string, string] => [`${name}.${inner}`, plain(String(of))])
      : [[name, plain(String(value))]],
  );
  return table(rows);
}
