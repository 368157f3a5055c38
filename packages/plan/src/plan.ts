import { type Bench, measured } from "./bench.ts";
import {
  GPUS,
  type Gpu,
  PROFILES,
  type Range,
  SCALE_UP_SECONDS,
  VOLUME_DOLLARS_PER_GB_MONTH,
} from "./facts.ts";
import { estimate, type Timing } from "./render-time.ts";
import { type Outcome, simulate } from "./simulate.ts";

export interface Question {
  perDay: number;
  /** Length of each video. */
  seconds: number;
  gpu: string;
  profile: string;
  hours: number;
  idleSeconds: number;
  workersMax: number;
  volumeGb: number;
  /** Instead of the estimate. */
  bench: Bench | undefined;
}

export type Verdict = "yes" | "perhaps" | "no";

/** Each range has the lowest and the highest that the timing allows. */
export interface Plan {
  gpu: Gpu;
  timing: Timing;
  /** That rendering alone keeps busy, on average, while requests come. */
  busyWorkers: Range;
  /** Whether `workersMax` can render as many videos. */
  areWorkersEnough: Verdict;
  /** Paid without any video. */
  volumeDollars: number;
  /** Undefined where the workers may not be enough: requests would wait ever longer. */
  figures: Figures | undefined;
}

export interface Figures {
  gpuSecondsPerVideo: Range;
  dollarsPerVideo: Range;
  dollarsPerVideoSecond: Range;
  dollarsPerMonth: Range;
  /** Of it, for workers that wait for work. */
  idleDollarsPerMonth: Range;
  /** Workers woken per video, 0 to 1. */
  coldShare: Range;
  /** From the request to the video: half of all take no longer. */
  p50Seconds: Range;
  /** The same for 95 % of all. */
  p95Seconds: Range;
}

export const MONTH_DAYS = 30;
/** Long enough that another seed changes little. */
export const SIMULATED_DAYS = 300;

export function plan(question: Question): Plan {
  const { perDay, hours, workersMax } = question;
  const gpu = GPUS[question.gpu];
  const profile = PROFILES[question.profile];
  if (!gpu || !profile) throw new Error("there is no such GPU or profile");
  const timing = question.bench
    ? measured(question.bench, question.seconds)
    : estimate(gpu, profile, question.seconds);
  const busy = (renderSeconds: number) => (perDay * renderSeconds) / (hours * 3600);
  const busyWorkers = { low: busy(timing.render.low), high: busy(timing.render.high) };
  const areWorkersEnough =
    busyWorkers.high < workersMax ? "yes" : busyWorkers.low < workersMax ? "perhaps" : "no";
  const volumeDollars = question.volumeGb * VOLUME_DOLLARS_PER_GB_MONTH;
  const figures =
    areWorkersEnough === "yes" ? reckon(question, timing, gpu.dollarsPerSecond, volumeDollars) : undefined;
  return { gpu, timing, busyWorkers, areWorkersEnough, volumeDollars, figures };
}

function reckon(question: Question, timing: Timing, price: number, volumeDollars: number): Figures {
  const { perDay, seconds, hours, idleSeconds, workersMax } = question;
  const run = (end: keyof Range): Outcome =>
    simulate({
      perDay,
      hours,
      renderSeconds: timing.render[end],
      coldStartSeconds: timing.coldStart[end],
      scaleUpSeconds: SCALE_UP_SECONDS,
      idleSeconds,
      workersMax,
      days: SIMULATED_DAYS,
      seed: 1,
    });
  const outcomes = { low: run("low"), high: run("high") };
  const of = (figure: (outcome: Outcome) => number): Range => {
    const [one, other] = [figure(outcomes.low), figure(outcomes.high)];
    return { low: Math.min(one, other), high: Math.max(one, other) };
  };
  const perVideo = (total: number, { videos }: Outcome) => total / Math.max(videos, 1);
  const dollars = (each: Outcome) => perVideo(each.billedSeconds, each) * price;
  const videosPerMonth = MONTH_DAYS * perDay;
  return {
    gpuSecondsPerVideo: of((each) => perVideo(each.billedSeconds, each)),
    dollarsPerVideo: of(dollars),
    dollarsPerVideoSecond: of((each) => dollars(each) / seconds),
    dollarsPerMonth: of((each) => videosPerMonth * dollars(each) + volumeDollars),
    idleDollarsPerMonth: of((each) => videosPerMonth * perVideo(each.idleSeconds, each) * price),
    coldShare: of((each) => perVideo(each.coldStarts, each)),
    p50Seconds: of((each) => each.p50Seconds),
    p95Seconds: of((each) => each.p95Seconds),
  };
}
