import { type CaseName, canPlay } from "./cases.ts";
import type { Peer } from "./peers.ts";
import { DEADLINE_MS, type Outcome } from "./play.ts";

/** Of one client: the outcomes of each case, one for each round. */
export type Outcomes = Partial<Record<CaseName, Outcome[]>>;

interface Column {
  title: string;
  cell(outcomes: Outcomes, peer: Peer): string;
  /** Whether ours keeps its promise. */
  isKept(outcomes: Outcomes): boolean;
}

type Figure = (outcome: Outcome) => number | undefined;

const LOST_REPLIES = ["lostReply", "answered500", "answered503"] as const;
const BAD_POLLS = ["pollDrop", "poll503"] as const;
const JOBS = ["job2100", "job3400", "job5200"] as const;

/** A round without the figure counts as the worst. */
function median(rounds: Outcome[] = [], of: Figure): number {
  const values = rounds.map((outcome) => of(outcome) ?? Number.POSITIVE_INFINITY).sort((a, b) => a - b);
  return values[values.length >> 1] ?? Number.NaN;
}

/** Of a time that is promised the best round counts: other work on the machine makes it longer, and nothing shorter. */
const best = (rounds: Outcome[] = [], of: Figure): number =>
  Math.min(...rounds.map((outcome) => of(outcome) ?? Number.POSITIVE_INFINITY));

const text = (value: number) => Math.round(value).toLocaleString("en-US");

/** What stands in place of the figure, where there is none. */
function instead(rounds: Outcome[] | undefined, peer: Peer, name: CaseName): string | undefined {
  if (!canPlay(peer, name))
    return name.startsWith("abort") && peer.lacks?.includes("signal") ? "no signal" : "–";
  if (rounds?.some(({ ended }) => ended === "crashes")) return "**crashes**";
  if (rounds?.some(({ ended }) => ended === "hangs")) return `> ${DEADLINE_MS / 1000} s`;
  return undefined;
}

/** One cell of several cases. */
const each =
  (names: readonly CaseName[], show: (rounds: Outcome[], name: CaseName) => string): Column["cell"] =>
  (outcomes, peer) => {
    const cells = names.map(
      (name) => instead(outcomes[name], peer, name) ?? show(outcomes[name] ?? [], name),
    );
    return new Set(cells).size === 1 && !/\d/.test(cells[0] ?? "") ? (cells[0] ?? "") : cells.join(" / ");
  };

const all = (outcomes: Outcomes, names: readonly CaseName[], isRight: (outcome: Outcome) => boolean) =>
  names.every((name) => outcomes[name]?.every(isRight) === true);

const lateMs: Figure = ({ lateMs }) => lateMs;
const gapMs: Figure = ({ gapMs }) => gapMs;
const abortMs: Figure = ({ report }) => report?.msAfterAbort;
const settleMs: Figure = ({ report }) => report?.ms;
const peakMb: Figure = ({ report }) => report && report.peakBytes / 1e6;

/** The median, and how the call ended. */
const settled = (figure: Figure) => (rounds: Outcome[]) => {
  const ms = median(rounds, figure);
  const ended = [...new Set(rounds.map((outcome) => outcome.ended))].join(" or ");
  return Number.isFinite(ms) ? `${text(ms)}, ${ended}` : `${ended} before it`;
};
const canceled = (rounds: Outcome[]) => (rounds.every((outcome) => outcome.canceled) ? "yes" : "no");

/** What does not depend on the machine. */
const FACTS: Column[] = [
  {
    title: "jobs made when the reply is lost / a 500 / a 503",
    cell: each(LOST_REPLIES, ([outcome]) =>
      outcome ? `${outcome.jobs}${outcome.ended === "resolves" ? "" : ", but rejects"}` : "",
    ),
    isKept: (outcomes) =>
      all(outcomes, LOST_REPLIES, ({ jobs, ended }) => jobs === 1 && ended === "resolves"),
  },
  {
    title: "idempotency key",
    cell: ({ lostReply }) => (lostReply?.[0]?.hasIdempotencyKey ? "sent" : "–"),
    isKept: (outcomes) => all(outcomes, LOST_REPLIES, ({ hasIdempotencyKey }) => hasIdempotencyKey),
  },
  {
    title: "a poll is reset / gets a 503",
    cell: each(BAD_POLLS, ([outcome]) => {
      if (!outcome?.gets) return "never polls";
      return outcome.ended === "resolves" ? "waits on" : "job lost";
    }),
    isKept: (outcomes) => all(outcomes, BAD_POLLS, ({ ended }) => ended === "resolves"),
  },
  {
    title: "GETs for a job of 2.1 / 3.4 / 5.2 s",
    cell: each(JOBS, (rounds) => text(median(rounds, ({ gets }) => gets))),
    isKept: (outcomes) => all(outcomes, JOBS, ({ gets }) => gets <= 1),
  },
  {
    title: "requests within 3 s of the end of a job / an abort",
    cell: each(["job2100", "abortWait"], (rounds) =>
      text(Math.max(...rounds.map(({ leftover }) => leftover))),
    ),
    isKept: (outcomes) => all(outcomes, [...JOBS, "abortWait"], ({ leftover }) => leftover === 0),
  },
  {
    title: "an abort cancels on the server",
    cell: each(["abortWait"], canceled),
    isKept: (outcomes) => all(outcomes, ["abortWait"], ({ canceled }) => canceled),
  },
];

const TIMES: Column[] = [
  {
    title: "`Retry-After: 4` on a 429, ms to the next try",
    cell: each(["retryAfter"], (rounds) => {
      const ms = median(rounds, gapMs);
      return Number.isFinite(ms) ? text(ms) : "no retry";
    }),
    isKept: ({ retryAfter }) =>
      retryAfter?.every(({ gapMs = 0 }) => gapMs >= 4000) === true && best(retryAfter, gapMs) <= 4050,
  },
  {
    title: "abort in the pause before a retry, ms",
    cell: each(["abortBackoff"], settled(abortMs)),
    isKept: ({ abortBackoff }) => best(abortBackoff, abortMs) <= 20,
  },
  {
    title: "abort while a job runs, ms",
    cell: each(["abortWait"], settled(abortMs)),
    isKept: (outcomes) =>
      all(outcomes, ["abortBackoff", "abortWait"], ({ ended }) => ended === "rejects") &&
      best(outcomes.abortWait, abortMs) <= 20,
  },
  {
    title: "ms from the end of a job of 2.1 / 3.4 / 5.2 s to its promise",
    cell: each(JOBS, (rounds) => text(median(rounds, lateMs))),
    isKept: (outcomes) => JOBS.every((name) => best(outcomes[name], lateMs) <= 50),
  },
  {
    title: "wrong key, ms",
    cell: each(["wrongKey"], settled(settleMs)),
    isKept: (outcomes) =>
      all(outcomes, ["wrongKey"], ({ ended }) => ended === "rejects") &&
      best(outcomes.wrongKey, settleMs) <= 50,
  },
  {
    title: "peak memory for a file of 300 MB, MB",
    cell: each(["upload"], (rounds) => {
      const ended = rounds.some((outcome) => outcome.ended !== "resolves") ? ", rejects" : "";
      return `${text(median(rounds, peakMb))}${ended}`;
    }),
    isKept: (outcomes) =>
      all(outcomes, ["upload"], ({ ended }) => ended === "resolves") &&
      median(outcomes.upload, peakMb) <= 110,
  },
];

const COLUMNS = [...FACTS, ...TIMES];

export const cellsOf = (outcomes: Outcomes, peer: Peer): Record<string, string> =>
  Object.fromEntries(COLUMNS.map(({ title, cell }) => [title, cell(outcomes, peer)]));

/** What ours promises and does not keep. */
export const brokenPromises = (outcomes: Outcomes): string[] =>
  COLUMNS.filter(({ isKept }) => !isKept(outcomes)).map(({ title }) => title);

/** Two tables: what does not depend on the machine comes first. */
export function markdown(rows: { name: string; cells: Record<string, string> }[]): string {
  const table = (columns: Column[]) => {
    const lines = [
      ["", ...columns.map(({ title }) => title)],
      ["---", ...columns.map(() => "---")],
      ...rows.map(({ name, cells }) => [name, ...columns.map(({ title }) => cells[title] ?? "")]),
    ];
    return lines.map((cells) => `| ${cells.join(" | ")} |`).join("\n");
  };
  return `${table(FACTS)}\n\n${table(TIMES)}`;
}
