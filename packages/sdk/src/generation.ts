import type { Job } from "@avatar/contract/types";
import { AbortedError, type AvatarError, addFacts, JobCanceledError, JobFailedError } from "./errors.ts";
import { createFeed, deferred } from "./feed.ts";
import type { Http } from "./http.ts";
import type { Jobs } from "./jobs.ts";
import { refuse } from "./refuse.ts";
import type { Clock } from "./retry.ts";
import { type Bounds, withinBounds } from "./scope.ts";
import type { CreateVideo, Video } from "./video.ts";

/**
 * Options of a wait for a video.
 *
 * @example
 * const video = await avatar.resume(id, { signal, onAbort: "leave" });
 */
export interface ResumeOptions extends Bounds {
  /** Called with every state of the job, and awaited. If it throws, the wait ends as if it were aborted. */
  onUpdate?: ((job: Job) => void) | undefined;
  /**
   * What happens to the job when you stop waiting (`signal`, `timeoutMs`, `await using`): `cancel` stops the GPU,
   * `leave` lets it finish. Default `cancel`.
   */
  onAbort?: "cancel" | "leave" | undefined;
}

/**
 * A video in the making: await it, iterate over its states, cancel it, or note its id and resume it elsewhere.
 *
 * @example
 * const generation = avatar.generate({ image, audio });
 * for await (const job of generation) console.log(job.status);
 * const video = await generation;
 */
export interface Generation extends Promise<Video>, AsyncIterable<Job>, AsyncDisposable {
  /** Resolves as soon as the API has the job. */
  readonly id: Promise<string>;
  /** The last state seen. */
  readonly job: Job | undefined;
  /** Stops the job on the server. While the files are still going up it stops that, and rejects for want of a job. */
  cancel(): Promise<Job>;
  /** Never rejects. */
  settled(): Promise<{ video: Video; error?: never } | { video?: never; error: AvatarError }>;
}

export interface Start {
  /** Known when a job is resumed. */
  id?: string;
  /** What has to happen before there is a job. */
  prepare?(signal: AbortSignal): Promise<void>;
  /** Creates the job, or reads the one that is resumed. */
  open(signal?: AbortSignal): Promise<Job>;
}

export interface GenerationDeps {
  http: Http;
  jobs: Jobs;
  createVideo: CreateVideo;
  clock: Clock;
}

const POLL_SECONDS = 25;
/** A job is worth more than a request, so the wait survives an outage of ten minutes. */
const POLL_RETRY = { attempts: 1e9, budgetMs: 600_000 };
/** The API should hold a poll; if something in between does not let it, we do not spin. */
const SHORTEST_POLL_MS = 1000;
const CANCEL_RETRY = { attempts: 4, budgetMs: 10_000 };

export function startGeneration(
  start: Start,
  { http, jobs, createVideo, clock }: GenerationDeps,
  { signal: userSignal, timeoutMs, onUpdate, onAbort = "cancel" }: ResumeOptions,
): Generation {
  const states = createFeed<Job>();
  const id = deferred<string>();
  let job: Job | undefined;
  /** Set where there may be a job to cancel: one that is resumed, or once a request that makes one is under way. */
  let opening = start.id ? Promise.resolve(start.id) : undefined;
  let canceling: Promise<unknown> | undefined;
  let abort = (_reason: AvatarError) => {};

  function stopWaiting() {
    if (onAbort === "leave") return;
    canceling = opening?.then((jobId) => jobs.cancel(jobId, { retry: CANCEL_RETRY })).catch(() => {});
  }

  async function show(next: Job): Promise<Job> {
    if (job && next.version <= job.version) return job;
    job = next;
    states.push(next);
    try {
      await onUpdate?.(next);
    } catch (error) {
      stopWaiting();
      throw error;
    }
    return next;
  }

  function open(signal: AbortSignal): Promise<Job> {
    // Only its answer names the job to cancel, so a create that is under way goes on when nobody waits any more.
    const opened = start.open(start.id || onAbort === "leave" ? signal : undefined);
    opening ??= opened.then((first) => first.id);
    opening.then(id.resolve, () => {});
    return opened;
  }

  async function follow(signal: AbortSignal): Promise<Video> {
    await start.prepare?.(signal);
    signal.throwIfAborted();
    const first = await open(signal);
    signal.throwIfAborted();
    for (let current = await show(first); ; ) {
      if (current.status === "succeeded") return createVideo(current.id, current.video);
      await throwIfOver(current);
      const askedAt = clock.now();
      const poll = { wait: POLL_SECONDS, after: current.version, signal, retry: POLL_RETRY };
      const next = await show(await jobs.get(current.id, poll));
      const tooSoonMs = SHORTEST_POLL_MS - (clock.now() - askedAt);
      if (next === current && tooSoonMs > 0) await clock.sleep(tooSoonMs, signal);
      current = next;
    }
  }

  const run = () =>
    withinBounds({ signal: userSignal, timeoutMs }, async (signal, abortWork) => {
      abort = abortWork;
      signal.addEventListener("abort", stopWaiting);
      return follow(signal).finally(() => signal.removeEventListener("abort", stopWaiting));
    });
  const promise = http.guard(run).then(
    (video) => {
      states.end();
      return video;
    },
    (thrown: AvatarError) => {
      const jobId = job?.id ?? start.id;
      const error = jobId ? addFacts(thrown, { jobId }) : thrown;
      id.reject(error);
      states.fail(error);
      throw error;
    },
  );
  // A generation that nobody awaits must not end the process.
  promise.catch(() => {});

  const extras = {
    id: id.promise,
    get job() {
      return job;
    },
    async cancel() {
      if (!opening) abort(new AbortedError());
      return jobs.cancel(await id.promise);
    },
    settled: () =>
      promise.then(
        (video) => ({ video }),
        (error: AvatarError) => ({ error }),
      ),
    [Symbol.asyncIterator]: () => states[Symbol.asyncIterator](),
    async [Symbol.asyncDispose]() {
      abort(new AbortedError()); // Does nothing once the promise has settled.
      await promise.catch(() => {});
      await canceling;
    },
  };
  return Object.defineProperties(promise, Object.getOwnPropertyDescriptors(extras)) as typeof promise &
    typeof extras;
}

async function throwIfOver(job: Job): Promise<void> {
  if (job.status === "failed") throw new JobFailedError(job);
  if (job.status === "canceled") throw new JobCanceledError(job);
  if (job.status === "expired") await refuse("video_expired", "deletedVideo");
}
