import type { CreateJobInput, Job, JobPage, ListJobsInput } from "@avatar/contract/types";
import { AbortedError } from "./errors.ts";
import { type CallOptions, type Http, REQUEST_TIMEOUT_MS } from "./http.ts";
import { newIdempotencyKey } from "./idempotency-key.ts";
import { hasUrl } from "./media.ts";
import { type CreateVideo, getResult, jobPath, type Video } from "./video.ts";

/**
 * Options of a call that creates a job.
 *
 * @example
 * const job = await avatar.jobs.create({ image, audio }, { idempotencyKey: "order-7" });
 */
export interface CreateJobOptions extends CallOptions {
  /**
   * Calls with the same key and the same input create one job. Default: a new key for each call, kept across its
   * retries.
   */
  idempotencyKey?: string | undefined;
}

/**
 * Options of a read that may wait for the job to change.
 *
 * @example
 * const next = await avatar.jobs.get(job.id, { wait: 25, after: job.version });
 */
export interface GetJobOptions extends CallOptions {
  /** Hold the answer for up to this many seconds (0 to 30) until the job changes. */
  wait?: number | undefined;
  /** With `wait`: answer as soon as `version` is greater than this. */
  after?: number | undefined;
}

/**
 * Await it for one page, or iterate over it for every job on this and all later pages.
 *
 * @example
 * for await (const job of avatar.jobs.list({ status: "failed" })) console.log(job.id);
 * const { items, nextCursor } = await avatar.jobs.list({ limit: 50 });
 */
export interface JobList extends PromiseLike<JobPage>, AsyncIterable<Job> {}

/**
 * The API's operations on jobs, one to one.
 *
 * @example
 * const job = await avatar.jobs.create({ image: upload1.id, audio: upload2.id });
 * const later = await avatar.jobs.get(job.id, { wait: 25, after: job.version });
 */
export interface Jobs {
  /** Queues a job for two files, each the id of an upload or an https URL, which the API fetches before it answers. */
  create(input: CreateJobInput, options?: CreateJobOptions): Promise<Job>;
  get(id: string, options?: GetJobOptions): Promise<Job>;
  /** Newest first. `timeoutMs` is for each page; an iteration ends with its next step once `signal` is aborted. */
  list(query?: ListJobsInput, options?: CallOptions): JobList;
  /** Stops the job; one that is finished is returned as it is. */
  cancel(id: string, options?: CallOptions): Promise<Job>;
  /** Cancels the job if need be, and deletes its files now. */
  delete(id: string, options?: CallOptions): Promise<Job>;
  /** The video of a job that has succeeded. */
  result(id: string, options?: CallOptions): Promise<Video>;
}

/** The API fetches both files at once and gives up on either after this time. */
const URL_FETCH_MS = 60_000;

/** How long a request with these files may take. */
export const filesTimeoutMs = (input: CreateJobInput) =>
  REQUEST_TIMEOUT_MS + (hasUrl(input) ? URL_FETCH_MS : 0);

export function createJobs(http: Http, createVideo: CreateVideo): Jobs {
  const { call } = http;
  return {
    create(body, options) {
      const idempotencyKey = options?.idempotencyKey ?? newIdempotencyKey();
      return call(
        () => ({
          method: "POST",
          path: "/v1/jobs",
          body,
          idempotencyKey,
          requestTimeoutMs: filesTimeoutMs(body),
        }),
        options,
      );
    },
    get: (id, options) =>
      call(() => {
        const { wait, after } = options ?? {};
        const requestTimeoutMs = REQUEST_TIMEOUT_MS + (wait ?? 0) * 1000;
        return { method: "GET", path: jobPath(id), query: { wait, after }, requestTimeoutMs };
      }, options),
    list: (filter, options) =>
      createList(
        (cursor) =>
          http.guard(async () => {
            const query = { ...filter, ...cursor };
            const page = await call<JobPage>(() => ({ method: "GET", path: "/v1/jobs", query }), options);
            // Where something else answers, this is what fails, and as an error of ours.
            return { ...page, items: [...page.items] };
          }),
        options?.signal,
      ),
    cancel: (id, options) =>
      call(() => ({ method: "POST", path: `${jobPath(id)}/cancel`, keepalive: true }), options),
    delete: (id, options) => call(() => ({ method: "DELETE", path: jobPath(id) }), options),
    result: (id, options) =>
      http.guard(async () => {
        const result = await getResult(http, id, options);
        return createVideo(id, result.video, result);
      }),
  };
}

function createList(
  load: (cursor?: { cursor: string }) => Promise<JobPage>,
  signal: AbortSignal | undefined,
): JobList {
  return {
    // biome-ignore lint/suspicious/noThenProperty: a list is awaited for its first page
    then: (resolve, reject) => load().then(resolve, reject),
    async *[Symbol.asyncIterator]() {
      let page = await load();
      for (;;) {
        for (const job of page.items) {
          if (signal?.aborted) throw new AbortedError(signal.reason);
          yield job;
        }
        if (!page.nextCursor) return;
        page = await load({ cursor: page.nextCursor });
      }
    },
  };
}
