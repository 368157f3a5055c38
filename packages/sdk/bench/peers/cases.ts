import type { Ability, Peer } from "./peers.ts";

/** What the server does, and what the client is asked to do. */
export interface Case {
  /** How long a job takes. */
  jobMs: number;
  /** What becomes of the answer to the first create, which makes its job all the same. */
  create?: "drop" | 500 | 503;
  /** Creates are refused with 429, the first or all of them. */
  busy?: { retryAfterSeconds: number; always?: boolean };
  /** What becomes of the first poll. */
  poll?: "drop" | 503;
  /** The key is wrong. */
  denies?: boolean;
  abortAfterMs?: number;
  /** A file is sent; no job is made. */
  uploads?: boolean;
  /** Measured in each round, since it is a matter of time. */
  isTimed?: boolean;
}

const SHORT_MS = 300;

export const CASES = {
  lostReply: { jobMs: SHORT_MS, create: "drop" },
  answered500: { jobMs: SHORT_MS, create: 500 },
  answered503: { jobMs: SHORT_MS, create: 503 },
  retryAfter: { jobMs: SHORT_MS, busy: { retryAfterSeconds: 4 }, isTimed: true },
  abortBackoff: {
    jobMs: SHORT_MS,
    busy: { retryAfterSeconds: 5, always: true },
    abortAfterMs: 1000,
    isTimed: true,
  },
  abortWait: { jobMs: 10_000, abortAfterMs: 2000, isTimed: true },
  job2100: { jobMs: 2100, isTimed: true },
  job3400: { jobMs: 3400, isTimed: true },
  job5200: { jobMs: 5200, isTimed: true },
  wrongKey: { jobMs: SHORT_MS, denies: true, isTimed: true },
  pollDrop: { jobMs: 1500, poll: "drop" },
  poll503: { jobMs: 1500, poll: 503 },
  upload: { jobMs: 0, uploads: true, isTimed: true },
} satisfies Record<string, Case>;

export type CaseName = keyof typeof CASES;
export const CASE_NAMES = Object.keys(CASES) as CaseName[];

const NEEDS: Partial<Record<CaseName, readonly Ability[]>> = {
  abortBackoff: ["signal"],
  abortWait: ["signal", "waiting"],
  job2100: ["waiting"],
  job3400: ["waiting"],
  job5200: ["waiting"],
  pollDrop: ["waiting"],
  poll503: ["waiting"],
  upload: ["upload"],
};

export const canPlay = ({ lacks = [] }: Peer, name: CaseName): boolean =>
  !NEEDS[name]?.some((need) => lacks.includes(need));
