import type { KeyMode } from "@avatar/contract/api-keys";
import type { JobCost } from "@avatar/contract/types";
import type { JobRepository, RecentJob } from "./job-repository.ts";
import { median } from "./median.ts";

const RECENT_JOBS = 50;
const NEAREST_JOBS = 5;
const FRESH_MS = 10_000;

/**
 * Until the engine has rendered anything: the slowest of what docs/time-and-money.md reckons with, for a cold worker of
 * the cheapest GPU.
 */
const PRIOR = { startSeconds: 175, secondsPerAudioSecond: 30 };

const NOTHING: JobCost = { gpuSeconds: 0, usd: 0 };

/**
 * What a job may take, judged by the latest ones.
 * @param pricePerSecond in dollars; undefined where live keys render for free
 */
export function createCostEstimate(
  jobs: Pick<JobRepository, "listRecent">,
  pricePerSecond: number | undefined,
) {
  let seen: { atMs: number; recent: Promise<RecentJob[]> } | undefined;

  return async function costOf(mode: KeyMode, audioSeconds: number): Promise<JobCost> {
    if (mode === "test" || pricePerSecond === undefined) return NOTHING;
    const atMs = performance.now();
    if (!seen || atMs - seen.atMs > FRESH_MS) seen = { atMs, recent: jobs.listRecent(mode, RECENT_JOBS) };
    const recent = await seen.recent.catch((error: unknown) => {
      seen = undefined;
      throw error;
    });
    const gpuSeconds = Math.ceil(gpuSecondsOf(recent, audioSeconds));
    return { gpuSeconds, usd: gpuSeconds * pricePerSecond };
  };
}

/**
 * A render takes at least as long for more speech, and at most in proportion: a part of it is the same for any. So a job
 * is judged by those nearest in length, the one that is longer as it is, the one that is shorter in proportion. No line is
 * fitted: where lengths hardly differ, its slope would be chance.
 */
export function gpuSecondsOf(recent: readonly RecentJob[], audioSeconds: number): number {
  const billed = recent.filter((job) => job.billedSeconds > 0);
  if (billed.length === 0) return PRIOR.startSeconds + PRIOR.secondsPerAudioSecond * audioSeconds;
  const beside = median(billed.map((job) => Math.max(job.billedSeconds - job.runSeconds, 0)));
  const distance = (job: RecentJob) => Math.abs(Math.log(job.audioSeconds / audioSeconds));
  const nearest = billed.toSorted((a, b) => distance(a) - distance(b)).slice(0, NEAREST_JOBS);
  const render = median(nearest.map((job) => job.runSeconds * Math.max(audioSeconds / job.audioSeconds, 1)));
  return beside + render;
}
