import {
  GPUS,
  type Gpu,
  PROFILES,
  type Range,
  SCALE_UP_SECONDS,
  VOLUME_DOLLARS_PER_GB_MONTH,
} from "./facts.ts";
import { type Bench, estimate, measured, type Timing } from "./render-time.ts";
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

/** Each with the lowest and the highest that the timing allows. */
export interface Plan {
  gpu: Gpu;
  timing: Timing;
  gpuSecondsPerVideo: Range;
  dollarsPerVideo: Range;
  dollarsPerVideoSecond: Range;
  dollarsPerMonth: Range;
  /** What of that is paid without any video. */
  volumeDollars: number;
  /** Dollars a month for workers that wait. */
  idleDollars: Range;
  /** 0 to 1. */
  coldShare: Range;
  p50Seconds: Range;
  p95Seconds: Range;
}

export const MONTH_DAYS = 30;
/** Long enough that another seed changes little. */
const SIMULATED_DAYS = 300;

export function plan(question: Question): Plan {
  const gpu = GPUS[question.gpu];
  const profile = PROFILES[question.profile];
  if (!gpu || !profile) throw new Error("there is no such GPU or profile");
  const timing = question.bench
    ? measured(question.bench, question.seconds)
    : estimate(gpu, profile, question.seconds);
  const run = (end: keyof Range): Outcome =>
    simulate({
      perDay: question.perDay,
      hours: question.hours,
      renderSeconds: timing.render[end],
      coldStartSeconds: timing.coldStart[end],
      scaleUpSeconds: SCALE_UP_SECONDS,
      idleSeconds: question.idleSeconds,
      workersMax: question.workersMax,
      days: SIMULATED_DAYS,
      seed: 1,
    });
  const outcomes = { low: run("low"), high: run("high") };
  const of = (figure: (outcome: Outcome) => number): Range => {
    const [one, other] = [figure(outcomes.low), figure(outcomes.high)];
    return { low: Math.min(one, other), high: Math.max(one, other) };
  };
  const price = gpu.dollarsPerSecond;
  const volumeDollars = question.volumeGb * VOLUME_DOLLARS_PER_GB_MONTH;
  const monthly = (seconds: number) => (seconds * price * MONTH_DAYS) / SIMULATED_DAYS;
  const videos = ({ videos }: Outcome) => Math.max(videos, 1);
  return {
    gpu,
    timing,
    gpuSecondsPerVideo: of((each) => each.billedSeconds / videos(each)),
    dollarsPerVideo: of((each) => (each.billedSeconds * price) / videos(each)),
    dollarsPerVideoSecond: of((each) => (each.billedSeconds * price) / videos(each) / question.seconds),
    dollarsPerMonth: of((each) => monthly(each.billedSeconds) + volumeDollars),
    volumeDollars,
    idleDollars: of((each) => monthly(each.idleSeconds)),
    coldShare: of((each) => each.coldStarts / videos(each)),
    p50Seconds: of((each) => each.p50Seconds),
    p95Seconds: of((each) => each.p95Seconds),
  };
}
