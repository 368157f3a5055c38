import { type Line, showMs } from "./support/line.ts";
import { median } from "./support/quantile.ts";
import type { Sample } from "./support/wrk.ts";

/** By what is measured and the connections, then by the server's name: one sample for each round. */
export type Samples = Map<string, Map<string, Sample[]>>;

/** How many times as fast as FastAPI. */
const AIMS: Record<string, { name: string; least: number | undefined }> = {
  "submit@1": { name: "P1@1", least: undefined },
  "submit@32": { name: "P1@32", least: 1 },
  "submit@256": { name: "P1@256", least: 3 },
  "submit of a form of 1.3 MiB@1": { name: "P2@1", least: undefined },
  "submit of a form of 1.3 MiB@32": { name: "P2@32", least: 5 },
  "status@1": { name: "P3@1", least: undefined },
  "status@32": { name: "P3@32", least: 1.5 },
  "status@256": { name: "P3@256", least: undefined },
};

/** What is compared with FastAPI's submit of a form of 2 KiB + 2 KiB, which is its only way. */
const SUBMITS = ["submit, each with an Idempotency-Key", "submit of a form of 2 KiB + 2 KiB"];

export function loadLines(samples: Samples): Line[] {
  const lines: Line[] = [];
  for (const [what, byServer] of samples) {
    const ours = byServer.get("avatar");
    const [, connections] = what.split("@");
    const theirs =
      byServer.get("FastAPI") ??
      (SUBMITS.includes(what.split("@")[0] ?? "")
        ? samples.get(`submit@${connections}`)?.get("FastAPI")
        : undefined);
    if (!ours) {
      for (const [server, own] of byServer) lines.push(alone(`${server}@${connections}`, own));
      continue;
    }
    const { name, least } = AIMS[what] ?? { name: `P1 ${what}`, least: undefined };
    lines.push(theirs ? compared(name, least, ours, theirs) : alone(name, ours));
  }
  return lines.sort((a, b) => a.name.localeCompare(b.name, "en", { numeric: true }));
}

function compared(name: string, least: number | undefined, ours: Sample[], theirs: Sample[]): Line {
  // Of one round: what the machine had to do beside it changes from round to round.
  const ratios = ours.map((sample, round) => sample.perSecond / (theirs[round]?.perSecond ?? Number.NaN));
  const ratio = median(ratios);
  return {
    name,
    value: `${ratio.toFixed(2)}x`,
    ...(least !== undefined && { aim: `≥ ${least.toFixed(1)}x`, isMet: ratio >= least }),
    note: `${rateOf(ours)}/s, ${textOf(ours)}; FastAPI ${rateOf(theirs)}/s, ${textOf(theirs)}`,
    figures: { ratios, avatar: ours, fastapi: theirs },
  };
}

const alone = (name: string, own: Sample[]): Line => ({
  name,
  value: `${rateOf(own)}/s`,
  note: textOf(own),
  figures: { samples: own },
});

const rateOf = (samples: Sample[]) =>
  Math.round(median(samples.map(({ perSecond }) => perSecond))).toLocaleString("en");

function textOf(samples: Sample[]): string {
  const of = (name: "p50Ms" | "p99Ms" | "serverCpu" | "postgresCpu") =>
    median(samples.map((sample) => sample[name]));
  // What others let Postgres do in the meantime rounds to nothing.
  const postgres = Math.round(of("postgresCpu") / 10) * 10;
  const refused = samples.reduce((sum, sample) => sum + sample.refused, 0);
  const errors = samples.flatMap((sample) => sample.errors || []);
  return [
    `p50 ${showMs(of("p50Ms"))} ms`,
    `p99 ${showMs(of("p99Ms"))} ms`,
    `CPU ${of("serverCpu").toFixed(0)} µs each${postgres > 0 ? ` and ${postgres} µs in Postgres` : ""}`,
    ...(refused > 0 ? [`${refused} refused`] : []),
    ...errors,
  ].join(", ");
}
