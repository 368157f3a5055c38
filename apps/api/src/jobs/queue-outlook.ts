import type { KeyMode } from "@avatar/contract/api-keys";
import type { JobRepository, RecentJob, UnfinishedJob } from "./job-repository.ts";
import type { Outlook } from "./job-view.ts";
import { median } from "./median.ts";

/** Of jobs further back nothing is said. */
const MAX_JOBS = 5000;
const RECENT_JOBS = 50;
const FRESH_MS = 1000;
/** Where more jobs than this wait, positions change all the time, and a look takes long. */
const MANY_JOBS = 500;

/**
 * Where jobs stand in the queue, and when they may be done. One look is for all who ask within a second, unless they know of
 * something later.
 */
export function createQueueOutlook(
  jobs: Pick<JobRepository, "listUnfinished" | "listRecent">,
  now: () => Date,
) {
  interface Queue {
    unfinished: UnfinishedJob[];
    recent: RecentJob[];
    outlooks: Map<string, Outlook>;
  }
  interface Look {
    atMs: number;
    queue: Promise<Queue>;
  }
  const latest: { [mode in KeyMode]?: Look | undefined } = {};
  const lengths = { live: 0, test: 0 };

  async function read(mode: KeyMode): Promise<Queue> {
    const [unfinished, recent] = await Promise.all([
      jobs.listUnfinished(mode, MAX_JOBS),
      jobs.listRecent(mode, RECENT_JOBS),
    ]);
    lengths[mode] = unfinished.length;
    return { unfinished, recent, outlooks: estimateQueue(unfinished, recent, now()) };
  }

  /** The latest one, or one that begins now. */
  function lookAt(mode: KeyMode): Look {
    const atMs = performance.now();
    const last = latest[mode];
    if (last && atMs - last.atMs < FRESH_MS) return last;
    const look = { atMs, queue: read(mode) };
    latest[mode] = look;
    look.queue.catch(() => drop(mode, look));
    return look;
  }

  /** Not one that somebody else has begun since. */
  function drop(mode: KeyMode, look: Look): void {
    if (latest[mode] === look) latest[mode] = undefined;
  }

  return {
    async outlookOf(mode: KeyMode, id: string): Promise<Outlook> {
      const askedMs = performance.now();
      for (;;) {
        const look = lookAt(mode);
        const { outlooks } = await look.queue;
        const outlook = outlooks.get(id);
        if (outlook) return outlook;
        // It may have come since, but where there are so many jobs it may as well be one of those at the back.
        if (look.atMs >= askedMs || outlooks.size === MAX_JOBS) return {};
        drop(mode, look);
      }
    },

    /** A job came, ended or moved on: who asks from now on is told of it. */
    noteChange(mode: KeyMode): void {
      if (lengths[mode] <= MANY_JOBS) latest[mode] = undefined;
    },

    /** Of a job that came now. */
    async outlookOfNext(mode: KeyMode, { owner, keyId }: Whose, audioSeconds: number): Promise<NextOutlook> {
      const { unfinished, recent } = await lookAt(mode).queue;
      const isIdle = unfinished.every(({ status }) => status === "queued");
      if (unfinished.length === MAX_JOBS) return { isIdle };
      const next: UnfinishedJob = {
        id: "",
        owner,
        keyId,
        status: "queued",
        audioSeconds,
        progress: 0,
        createdAt: now(),
        runAfter: now(),
        startedAt: null,
        runningAt: null,
        servedAt: unfinished.find((job) => job.owner === owner)?.servedAt ?? null,
        keyServedAt: unfinished.find((job) => job.keyId === keyId)?.keyServedAt ?? null,
      };
      const outlook = estimateQueue([...unfinished, next], recent, now()).get(next.id);
      const alone = estimateQueue([next], recent, now()).get(next.id);
      const waitSeconds = outlook?.etaSeconds && outlook.etaSeconds - (alone?.etaSeconds ?? 0);
      return { ...outlook, isIdle, waitSeconds };
    },
  };
}

type Whose = Pick<UnfinishedJob, "owner" | "keyId">;

export interface NextOutlook extends Outlook {
  /** Nothing has begun. */
  isIdle: boolean;
  /** Of its time, what it spends in the queue. */
  waitSeconds?: number | undefined;
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
  for (const [index, job] of inTurn(unfinished, now).entries()) {
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

/**
 * The queued jobs in the order in which they would be taken now, see `lockNextJobs`; last those that wait for a time.
 * @param unfinished the oldest first
 */
export function inTurn(unfinished: readonly UnfinishedJob[], now: Date): UnfinishedJob[] {
  const begun = unfinished.filter((job) => job.status !== "queued");
  const queued = unfinished.filter((job) => job.status === "queued");
  const due = queued.filter((job) => job.runAfter <= now);
  const later = queued.filter((job) => job.runAfter > now);
  return [
    ...takeTurns(takeTurns(due, begun, OF_KEYS), begun, OF_OWNERS),
    ...later.sort((a, b) => a.runAfter.getTime() - b.runAfter.getTime()),
  ];
}

interface Of {
  nameOf: (job: UnfinishedJob) => string;
  servedAtOf: (job: UnfinishedJob) => Date | null;
}
const OF_KEYS: Of = {
  nameOf: ({ owner, keyId }) => `${owner} ${keyId}`,
  servedAtOf: (job) => job.keyServedAt,
};
const OF_OWNERS: Of = { nameOf: ({ owner }) => owner, servedAtOf: (job) => job.servedAt };

/**
 * Nobody gets a second job before all others have one, of those that are rendered, too. Who was served the longest ago is
 * first, then who has waited the longest. @param queue where each one's jobs are in their order
 */
function takeTurns(
  queue: readonly UnfinishedJob[],
  begun: readonly UnfinishedJob[],
  { nameOf, servedAtOf }: Of,
): UnfinishedJob[] {
  const taken = new Map<string, number>();
  const placeOf = (job: UnfinishedJob) => {
    const place = (taken.get(nameOf(job)) ?? 0) + 1;
    taken.set(nameOf(job), place);
    return place;
  };
  for (const job of begun) placeOf(job);
  const oldest = new Map<string, number>();
  for (const job of queue) {
    const createdAt = job.createdAt.getTime();
    oldest.set(nameOf(job), Math.min(oldest.get(nameOf(job)) ?? createdAt, createdAt));
  }
  return queue
    .map((job) => ({
      job,
      name: nameOf(job),
      order: [placeOf(job), servedAtOf(job)?.getTime() ?? 0, oldest.get(nameOf(job)) ?? 0],
    }))
    .sort((a, b) => compareLists(a.order, b.order) || (a.name < b.name ? -1 : 1))
    .map(({ job }) => job);
}

function compareLists(a: readonly number[], b: readonly number[]): number {
  const index = a.findIndex((value, at) => value !== b[at]);
  return index === -1 ? 0 : (a[index] ?? 0) - (b[index] ?? 0);
}
