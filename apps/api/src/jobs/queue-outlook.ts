import type { KeyMode } from "@avatar/contract/api-keys";
import type { JobRepository, RecentJob, UnfinishedJob } from "./job-repository.ts";
import type { Outlook } from "./job-view.ts";
import { median } from "./median.ts";

/** Of jobs further back nothing is said. */
const MAX_JOBS = 5000;
const RECENT_JOBS = 50;
const FRESH_MS = 1000;

/** Where jobs stand in the queue, and when they may be done. Looked at once a second at most, for all who ask. */
export function createQueueOutlook(
  jobs: Pick<JobRepository, "listUnfinished" | "listRecent">,
  now: () => Date,
) {
  type Seen = { atMs: number; outlooks: Promise<Map<string, Outlook>> };
  const seen: { [mode in KeyMode]?: Seen | undefined } = {};

  async function look(mode: KeyMode): Promise<Map<string, Outlook>> {
    const [unfinished, recent] = await Promise.all([
      jobs.listUnfinished(mode, MAX_JOBS),
      jobs.listRecent(mode, RECENT_JOBS),
    ]);
    return estimateQueue(unfinished, recent, now());
  }

  return async function outlookOf(mode: KeyMode, id: string): Promise<Outlook> {
    for (;;) {
      const atMs = performance.now();
      const last = seen[mode];
      const isFresh = last !== undefined && atMs - last.atMs < FRESH_MS;
      const current = isFresh ? last : { atMs, outlooks: look(mode) };
      seen[mode] = current;
      const outlooks = await current.outlooks.catch((error: unknown) => {
        seen[mode] = undefined;
        throw error;
      });
      const outlook = outlooks.get(id);
      if (outlook) return outlook;
      // It may have come since, but where there are so many jobs it may as well be one of those at the back.
      if (!isFresh || outlooks.size === MAX_JOBS) return {};
      seen[mode] = undefined;
    }
  };
}

/** @param recent jobs that succeeded: without any, nobody knows how long a render takes. */
export function estimateQueue(
  unfinished: readonly UnfinishedJob[],
  recent: readonly RecentJob[],
  now: Date,
): Map<string, Outlook> {
  const pace = paceOf(recent);
  const begun = unfinished.filter((job) => job.status !== "queued");
  const rendering = begun.filter((job) => job.status === "running").length;
  const leftOf = (job: UnfinishedJob) => (pace ? secondsLeft(job, pace, now) : 0);

  const outlooks = new Map<string, Outlook>();
  let work = 0;
  for (const job of begun) {
    const left = leftOf(job);
    work += left;
    outlooks.set(job.id, pace ? { etaSeconds: Math.ceil(left) } : {});
  }
  // Where jobs wait, as many render as can.
  const workers = Math.max(rendering || begun.length, 1);
  for (const [index, job] of inTurn(unfinished).entries()) {
    const left = leftOf(job);
    outlooks.set(job.id, {
      position: index + 1,
      ...(pace && { etaSeconds: Math.ceil(work / workers + left) }),
    });
    work += left;
  }
  return outlooks;
}

interface Pace {
  startSeconds: number;
  /** Of rendering, for a second of speech. */
  runSeconds: number;
}

function paceOf(recent: readonly RecentJob[]): Pace | undefined {
  const starts = recent.flatMap((job) => job.startSeconds ?? []);
  const runs = recent.map((job) => job.runSeconds / job.audioSeconds);
  return runs.length === 0 ? undefined : { startSeconds: median(starts), runSeconds: median(runs) };
}

function secondsLeft(job: UnfinishedJob, pace: Pace, now: Date): number {
  const since = (time: Date | null) => (time ? Math.max(now.getTime() - time.getTime(), 0) / 1000 : 0);
  const whole = pace.runSeconds * job.audioSeconds;
  switch (job.status) {
    case "queued":
      return pace.startSeconds + whole;
    case "starting":
      return Math.max(pace.startSeconds - since(job.startedAt), 0) + whole;
    case "running":
      // Its own pace counts, once there is one to speak of.
      return job.progress > 0.1
        ? (since(job.runningAt) / job.progress) * (1 - job.progress)
        : Math.max(whole - since(job.runningAt), 0);
  }
}

/** The queued jobs in the order in which they are taken: see `lockNextJobs`. Ties go to the older one here. */
function inTurn(unfinished: readonly UnfinishedJob[]): UnfinishedJob[] {
  const taken = new Map<string, number>();
  const placeOf = (name: string) => {
    const place = (taken.get(name) ?? 0) + 1;
    taken.set(name, place);
    return place;
  };
  for (const { owner, keyId, status } of unfinished)
    if (status !== "queued") for (const name of [owner, keyId]) placeOf(name);
  const byPlace = (a: { place: number }, b: { place: number }) => a.place - b.place;
  return unfinished
    .filter((job) => job.status === "queued")
    .map((job) => ({ job, place: placeOf(job.keyId) }))
    .sort(byPlace)
    .map(({ job }) => ({ job, place: placeOf(job.owner) }))
    .sort(byPlace)
    .map(({ job }) => job);
}
