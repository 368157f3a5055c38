import type { JobStatus } from "@avatar/contract/types";
import { expect, test } from "vitest";
import { allowedFrom, isFinal, UNFINISHED } from "./job-lifecycle.ts";

const STATUSES = ["queued", "starting", "running", "succeeded", "failed", "canceled", "expired"] as const;

/** Rows: from; columns: to, in the order of STATUSES. */
const LEGAL: Record<JobStatus, string> = {
  queued: ".x..xx.",
  starting: "x.xxxx.",
  running: "x..xxx.",
  succeeded: "......x",
  failed: ".......",
  canceled: ".......",
  expired: ".......",
};

const pairs = STATUSES.flatMap((from) =>
  STATUSES.map((to, column) => [from, to, LEGAL[from][column] === "x" ? "legal" : "illegal"] as const),
);

test.each(pairs)("%s to %s is %s", (from, to, verdict) => {
  expect(allowedFrom(to).includes(from) ? "legal" : "illegal").toBe(verdict);
});

test("a job is final where it can no longer fail", () => {
  expect(STATUSES.filter(isFinal)).toEqual(["succeeded", "failed", "canceled", "expired"]);
  expect(UNFINISHED).toEqual(["queued", "starting", "running"]);
});
