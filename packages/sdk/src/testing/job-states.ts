import type { FailedJob, Job, JobStatus, JobTimings, TestOutcome } from "@avatar/contract/types";
import { jobErrorOf } from "../problem.ts";
import { VIDEO } from "./video-file.ts";
import { toIso } from "./wire.ts";

/**
 * What a job can fail with.
 *
 * @example
 * const fake = fakeAvatar({ script: "no_face" satisfies JobErrorCode });
 */
export type JobErrorCode = NonNullable<TestOutcome["failWith"]>;

type Told<J extends Job> = Partial<Omit<J, "id" | "version" | "status" | "error" | "video">>;

type StateOf<J extends Job> = J extends FailedJob
  ? { status: "failed"; code: JobErrorCode; detail?: string } & Told<J>
  : Pick<J, "status"> & Told<J>;

/**
 * One state of a job: its status, and of what that status has as much as matters to the test. The rest is filled in.
 *
 * @example
 * const waiting: JobState = { status: "queued", position: 3, etaSeconds: 90 };
 * const failed: JobState = { status: "failed", code: "no_face" };
 */
export type JobState = StateOf<Job>;

/**
 * The states of a job, one after the other; each look at the job moves it one on, and it stays in the last one. A code alone
 * is a job that fails with it in the end.
 *
 * @example
 * const slowQueue: Script = [{ status: "queued", position: 2 }, { status: "queued", position: 1 }, { status: "succeeded" }];
 */
export type Script = readonly JobState[] | JobErrorCode;

const UNFINISHED: readonly JobState[] = [
  { status: "queued" },
  { status: "starting" },
  { status: "running", progress: 0.5 },
];

/** A script as the list of its states. */
export function toStates(script: Script | undefined): JobState[] {
  if (typeof script === "string") return [...UNFINISHED, { status: "failed", code: script }];
  return [...(script ?? [...UNFINISHED, { status: "succeeded" }])];
}

/** What is true of a job in all its states. */
export type JobFacts = Pick<
  Job,
  "id" | "createdAt" | "aspect" | "fit" | "prompt" | "seed" | "metadata" | "ttlSeconds"
>;

const ALL = ["queue", "start", "run", "total"] as const;
const REACHED: Record<JobStatus, readonly (keyof JobTimings)[]> = {
  queued: [],
  starting: ["queue"],
  running: ["queue", "start"],
  succeeded: ALL,
  expired: ALL,
  failed: ALL,
  canceled: ALL,
};

/** A job that never began has waited, and that is all. */
function timingsOf(status: JobStatus, before: JobStatus | undefined): JobTimings {
  const hasBegun = before !== "queued" || !["failed", "canceled"].includes(status);
  const reached = hasBegun ? REACHED[status] : REACHED[status].filter((name) => name === "total");
  return Object.fromEntries(reached.map((name) => [name, 0]));
}

/** A job as the API tells it, in the state after `before`. */
export function toJob(facts: JobFacts, state: JobState, now: number, before?: Job): Job {
  const base = {
    ...facts,
    version: (before?.version ?? 0) + 1,
    updatedAt: toIso(now),
    audioSeconds: VIDEO.durationSeconds,
    timings: timingsOf(state.status, before?.status),
    cost: { gpuSeconds: 0, usd: 0 },
  } as const;
  const finished = { ...base, finishedAt: toIso(now) };
  switch (state.status) {
    case "queued":
      return { ...base, ...state };
    case "starting":
      return { ...base, cold: false, ...state };
    case "running":
      return { ...base, progress: 0, ...state };
    case "succeeded":
      return { ...finished, ...state, video: { ...VIDEO, expiresAt: toIso(now + facts.ttlSeconds * 1000) } };
    case "failed": {
      const { code, detail, ...rest } = state;
      return { ...finished, ...rest, error: jobErrorOf(code, detail) };
    }
    case "canceled":
    case "expired":
      return { ...finished, ...state };
  }
}

export const isFinal = ({ status }: Pick<Job, "status">): boolean =>
  !["queued", "starting", "running"].includes(status);
