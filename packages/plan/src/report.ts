import { GPUS, MARKET, MODEL_GB, PRICE_SOURCE, PROFILES, type Range, VOLUME_MB_PER_SECOND } from "./facts.ts";
import { MONTH_DAYS, type Plan, plan, type Question } from "./plan.ts";

const BUDGET_DOLLARS = 50;
const PATIENCE: Range = { low: 30, high: 120 };
const LENGTHS = [3, 5, 10];

const dollars = (value: number, digits: number) => `$${value.toFixed(digits)}`;
const range = ({ low, high }: Range, show: (value: number) => string) =>
  show(low) === show(high) ? show(low) : `${show(low)} to ${show(high)}`;
const seconds = (value: number) => `${Math.round(value)} s`;
const percent = (value: number) => `${Math.round(value * 100)} %`;

export function report(question: Question): string {
  const { perDay, hours, idleSeconds, workersMax, volumeGb, profile } = question;
  const found = plan(question);
  const { gpu, timing } = found;
  const within = hours === 24 ? "" : `, all within ${hours} hours`;
  const rows = [
    ["render on a warm worker", range(timing.render, seconds)],
    ["start of a cold worker", range(timing.coldStart, seconds)],
    ["from request to video, half of all", range(found.p50Seconds, seconds)],
    ["from request to video, 95 % of all", range(found.p95Seconds, seconds)],
    ["workers woken per video", range(found.coldShare, percent)],
    ["billed per video", range(found.gpuSecondsPerVideo, seconds)],
    ["a video", range(found.dollarsPerVideo, (value) => dollars(value, 3))],
    ["a second of video", range(found.dollarsPerVideoSecond, (value) => dollars(value, 3))],
    ["a month", range(found.dollarsPerMonth, (value) => dollars(value, 0))],
    ["  of it workers that wait for work", range(found.idleDollars, (value) => dollars(value, 0))],
    [`  of it the volume of ${volumeGb} GB`, dollars(found.volumeDollars, 2)],
    [
      `videos a day that $${BUDGET_DOLLARS} a month buy`,
      range(affordable(found), (value) => value.toFixed(0)),
    ],
  ];
  return [
    `${perDay} videos a day of ${question.seconds} s${within}; profile ${profile} on ${gpu.name} at $${gpu.dollarsPerSecond} a second,`,
    `at most ${workersMax} workers that go away after ${idleSeconds} s without work; 30 days a month`,
    "",
    ...rows.map(([name = "", value = ""]) => `  ${name.padEnd(36)} ${value}`),
    "",
    "A second of 720p video elsewhere:",
    ...MARKET.map(([name, price]) => `  ${name.padEnd(36)} ${dollars(price, 3)}`),
    "",
    ...meets(question),
    "",
    `Times: ${timing.source}.`,
    question.bench
      ? "Start: as measured there, without the start of the container."
      : `Start: estimated from ${MODEL_GB} GB at ${range(VOLUME_MB_PER_SECOND, String)} MB/s, without the start of the container, which nobody has measured.`,
    `Prices: ${PRICE_SOURCE}. Waiting, waking and billing: simulated, 300 days of requests that come at random.`,
    "Formula: dollars a month = 30 x videos a day x billed seconds a video x price of a second + volume.",
    ...(question.bench
      ? []
      : ["Nothing of this was measured on a GPU yet: --bench takes what one has measured."]),
  ].join("\n");
}

/** For lengths, GPUs and profiles at hand: what stays below the budget, and what is done in time on a warm worker. */
function* meets(question: Question): Generator<string> {
  const { bench } = question;
  yield `What meets $${BUDGET_DOLLARS} a month at ${question.perDay} videos a day, and what ${PATIENCE.low} to ${PATIENCE.high} s on a warm worker:`;
  yield `  ${"".padEnd(22)}${"a month".padEnd(18)}${`$${BUDGET_DOLLARS}?`.padEnd(10)}${"warm".padEnd(18)}${PATIENCE.high} s?`;
  // What was measured tells of one GPU and one profile.
  const gpus = bench ? [question.gpu] : Object.keys(GPUS);
  const profiles = bench ? [question.profile] : Object.keys(PROFILES);
  for (const gpu of gpus)
    for (const profile of profiles)
      for (const length of LENGTHS) {
        const found = plan({ ...question, gpu, profile, seconds: length });
        const month = range(found.dollarsPerMonth, (value) => dollars(value, 0));
        const warm = range(found.timing.render, seconds);
        const name = `${gpu} ${profile} ${length} s`;
        yield `  ${name.padEnd(22)}${month.padEnd(18)}${verdict(found.dollarsPerMonth, BUDGET_DOLLARS).padEnd(10)}${warm.padEnd(18)}${verdict(found.timing.render, PATIENCE.high)}`;
      }
}

/** As many at the same cost of each; fewer a day are a little colder. */
function affordable({ volumeDollars, dollarsPerVideo }: Plan): Range {
  const perDay = Math.max(BUDGET_DOLLARS - volumeDollars, 0) / MONTH_DAYS;
  return { low: perDay / dollarsPerVideo.high, high: perDay / dollarsPerVideo.low };
}

const verdict = ({ low, high }: Range, limit: number) =>
  high <= limit ? "yes" : low <= limit ? "perhaps" : "no";

export const toJson = (question: Question, found: Plan): string =>
  JSON.stringify({ question, ...found }, null, 2);
