import { BUDGET_DOLLARS, compare, tooMuch } from "./compare.ts";
import { MARKET, PROFILES } from "./facts.ts";
import { count, dollars, percent, seconds, span, wrap } from "./format.ts";
import { type Figures, MONTH_DAYS, type Plan, plan, type Question } from "./plan.ts";
import { sources } from "./sources.ts";

type Row = readonly [name: string, value: string, kind: string];

export function report(question: Question): string {
  const { perDay, hours, idleSeconds, workersMax, bench } = question;
  const found = plan(question);
  const { name, dollarsPerSecond } = found.gpu;
  const daytime = hours === 24 ? "" : `, all within ${count(hours, "hour")}`;
  const leave = workersMax === 1 ? "goes" : "go";
  const unmeasured = bench
    ? ""
    : "; this worker was not measured on a GPU yet, and --bench takes what one has measured";
  return [
    `${count(perDay, "video")} a day of ${question.seconds} s${daytime}; profile ${question.profile} on ${name} at $${dollarsPerSecond} a second,`,
    `at most ${count(workersMax, "worker")} that ${leave} away after ${idleSeconds} s without work; ${MONTH_DAYS} days a month`,
    "",
    ...rows(question, found),
    "",
    ...market(question),
    "",
    ...compare(question),
    "",
    "p50, p95: half of all videos, and 95 % of them, are there so long after their request, at this rate of requests.",
    "Share of cold starts: workers that had to wake, per video.",
    "Formula: dollars a month = 30 x videos a day x billed seconds a video x price of a second + volume.",
    "",
    `Where the numbers come from${unmeasured}:`,
    ...sources(question).map(({ figure, kind, source }) => wrap(`${figure} (${kind}): ${source}.`, "  ")),
  ].join("\n");
}

function rows(question: Question, found: Plan): string[] {
  const { bench, volumeGb, workersMax } = question;
  const { timing, busyWorkers, areWorkersEnough, volumeDollars, figures } = found;
  const known = bench ? "measured" : "estimated";
  const times: Row[] = [
    ["render on a warm worker", seconds(timing.render), known],
    ["start of a cold worker", seconds(timing.coldStart), known],
  ];
  const volume: Row = [`  of it the volume of ${volumeGb} GB`, dollars(volumeDollars, 2), "published"];
  if (figures)
    return [...times, ...waits(figures), ...costs(figures), volume, affordable(figures, volumeDollars)].map(
      line,
    );
  return [
    ...times.map(line),
    line(["workers that rendering keeps busy", span(busyWorkers, (value) => value.toFixed(1)), known]),
    "",
    `That is ${tooMuch(workersMax, areWorkersEnough)}: requests would wait ever longer, so there are no waits and no costs to tell.`,
    "Try a higher --workers-max.",
  ];
}

const waits = ({ coldShare, p50Seconds, p95Seconds }: Figures): Row[] => [
  ["share of cold starts", percent(coldShare), "simulated"],
  ["request to video, p50", seconds(p50Seconds), "simulated"],
  ["request to video, p95", seconds(p95Seconds), "simulated"],
];

function costs(figures: Figures): Row[] {
  const exact = (value: number) => dollars(value, 3);
  const whole = (value: number) => dollars(value, 0);
  return [
    ["billed per video", seconds(figures.gpuSecondsPerVideo), "simulated"],
    ["a video", span(figures.dollarsPerVideo, exact), "simulated"],
    ["a second of video", span(figures.dollarsPerVideoSecond, exact), "simulated"],
    ["a month", span(figures.dollarsPerMonth, whole), "simulated"],
    ["  of it workers that wait for work", span(figures.idleDollarsPerMonth, whole), "simulated"],
  ];
}

/** As many at the same cost of each; fewer a day are a little colder. */
function affordable({ dollarsPerVideo }: Figures, volumeDollars: number): Row {
  const perDay = Math.max(BUDGET_DOLLARS - volumeDollars, 0) / MONTH_DAYS;
  const videos = { low: perDay / dollarsPerVideo.high, high: perDay / dollarsPerVideo.low };
  return [
    `videos a day for $${BUDGET_DOLLARS}, at this cost`,
    span(videos, (value) => value.toFixed(0)),
    "simulated",
  ];
}

const line = ([name, value, kind]: Row) => `  ${name.padEnd(36)} ${value.padEnd(18)} ${kind}`;

function* market({ profile }: Question): Generator<string> {
  const { megapixels = 0 } = PROFILES[profile] ?? {};
  const own = megapixels < 0.9 ? ", scaled up to 720p" : "";
  yield `A second of video elsewhere, published (profile ${profile} renders ${megapixels} megapixels${own}):`;
  for (const { name, dollars720p, dollars480p } of MARKET) {
    const small = dollars480p === undefined ? "" : `, 480p ${dollars(dollars480p, 3)}`;
    yield `  ${name.padEnd(36)} 720p ${dollars(dollars720p, 3)}${small}`;
  }
}

export const toJson = (question: Question, found: Plan): string =>
  JSON.stringify(
    { question, ...found, figures: found.figures ?? null, market: MARKET, sources: sources(question) },
    null,
    2,
  );
