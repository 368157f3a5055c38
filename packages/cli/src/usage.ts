import type { Usage } from "@avatar/client";
import { defineCommand } from "./command.ts";
import { usageError } from "./exit-codes.ts";
import { dollars, seconds, table } from "./format.ts";
import { LIMIT_UNITS } from "./limit-units.ts";

export const showUsage = defineCommand({
  name: "usage",
  summary: "tell what your keys did, and what this one has left",
  operands: [],
  options: {
    from: { type: "string", value: "<day>", help: "such as 2026-11-01, in UTC; default: the month so far" },
    to: { type: "string", value: "<day>", help: "the last day; default: today" },
  },
  prepare({ from, to }) {
    for (const [flag, day] of Object.entries({ from, to })) {
      if (day !== undefined && !/^\d{4}-\d\d-\d\d$/.test(day))
        throw usageError(`--${flag} takes a day such as 2026-11-01, not ${JSON.stringify(day)}.`);
    }
    return async ({ avatar, brief, print }) => {
      const usage = await avatar.usage({ from, to }, brief);
      print(usage, table(usageFacts(usage)));
    };
  },
});

export function usageFacts({ from, to, totals, limits }: Usage): string[][] {
  const { jobs, succeeded, failed, canceled, videoSeconds, gpuSeconds, costUsd } = totals;
  return [
    ["days", `${from} to ${to}`],
    ["jobs", `${jobs} made, ${succeeded} succeeded, ${failed} failed, ${canceled} canceled`],
    ["videos", `${seconds(videoSeconds)} in all`],
    ["cost", `${dollars(costUsd)}, ${seconds(gpuSeconds)} of a GPU`],
    ...limits.map(({ name, max, left, resetsAt }) => [
      "left",
      `${left} of ${max} ${LIMIT_UNITS[name]}${resetsAt ? `, until ${resetsAt}` : ""}`,
    ]),
  ];
}
