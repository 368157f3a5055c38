import { LIMITS } from "@avatar/contract/limits";
import type { CreateJobInput, JobEstimate, JobPage, JobResult, JobStatus } from "@avatar/contract/types";
import { Refusal } from "../problem.ts";
import { checkJobInput, isOneOf, isWhole, isWithin, readQuery } from "./check-input.ts";
import type { FakeClock } from "./clock.ts";
import type { createFakeJobs } from "./fake-jobs.ts";
import type { createFakeUploads } from "./fake-uploads.ts";
import { isFinal, type Script } from "./job-states.ts";
import { createLinks } from "./links.ts";
import { sendVideo, VIDEO } from "./video-file.ts";
import { answer, keyOf, type Route, readObject, refuse, type WireRequest } from "./wire.ts";

interface Deps {
  jobs: ReturnType<typeof createFakeJobs>;
  uploads: ReturnType<typeof createFakeUploads>;
  clock: FakeClock;
  scriptOf: (input: CreateJobInput) => Script | undefined;
}

type GetQuery = { wait?: number; after?: number };
type ListQuery = { status?: JobStatus; limit?: number; cursor?: number };

const STATUSES = ["queued", "starting", "running", "succeeded", "failed", "canceled", "expired"];
const { maxSeconds } = LIMITS.wait;
const { defaultLimit, maxLimit } = LIMITS.list;

export function createJobRoutes({ jobs, uploads, clock, scriptOf }: Deps) {
  /** What an idempotency key was sent with, and the job that it made. */
  const made = new Map<string, { fingerprint: string; id: string }>();
  const links = createLinks(clock);

  async function readInput({ bytes, headers }: WireRequest) {
    const input = checkJobInput(readObject(bytes));
    if (input.test && !keyOf(headers).startsWith("avk_test_")) throw refuse("test_key_required");
    const files = [await uploads.identify(input.image), await uploads.identify(input.audio)];
    return { input, files };
  }

  return {
    async create(request: WireRequest) {
      const { input, files } = await readInput(request);
      const { image, audio, metadata = {}, ...settings } = input;
      const fingerprint = JSON.stringify([files, sorted(metadata), sorted(settings)]);
      const key = request.headers.get("idempotency-key");
      const earlier = key === null ? undefined : made.get(key);
      if (earlier && earlier.fingerprint !== fingerprint) throw refuse("idempotency_mismatch");
      const job = earlier
        ? jobs.get(earlier.id)
        : jobs.create(input, scriptOf(input) ?? input.test?.failWith);
      if (key !== null) made.set(key, { fingerprint, id: job.id });
      const replayed = earlier && { "idempotency-replayed": "true" };
      return answer(job, 202, { location: `/v1/jobs/${job.id}`, ...replayed });
    },

    async get({ id, query, signal }: WireRequest) {
      const { wait = 0, after } = readQuery<GetQuery>(query, {
        wait: [isWithin(0, maxSeconds), `expected 0 to ${maxSeconds}`],
        after: [isWhole(0, Number.MAX_SAFE_INTEGER), "expected a version"],
      });
      const job = await jobs.look(id, wait > 0, after, signal);
      return answer(job.status === "queued" ? { position: 1, ...job } : job);
    },

    list({ query }: WireRequest) {
      const {
        status,
        limit = defaultLimit,
        cursor = 0,
      } = readQuery<ListQuery>(query, {
        status: [isOneOf(...STATUSES), `expected one of ${STATUSES.join(", ")}`],
        limit: [isWhole(1, maxLimit), `expected 1 to ${maxLimit}`],
        cursor: [isWhole(0, Number.MAX_SAFE_INTEGER), "expected the `nextCursor` of a page"],
      });
      const found = jobs
        .all()
        .reverse()
        .filter((job) => status === undefined || job.status === status);
      const to = cursor + limit;
      const page: JobPage = { items: found.slice(cursor, to) };
      return answer(to < found.length ? { ...page, nextCursor: String(to) } : page);
    },

    result({ id, base }: WireRequest) {
      const job = jobs.get(id);
      if (job.status === "failed") throw new Refusal(job.error.code, { detail: job.error.detail });
      if (job.status === "canceled") throw refuse("job_canceled");
      if (!isFinal(job)) throw refuse("job_not_finished");
      if (job.status !== "succeeded") throw refuse("video_expired");
      const { expiresAt } = job.video;
      const url = links.sign(`${base}/objects/videos/${id}`, Date.parse(expiresAt));
      return answer({ jobId: id, url, urlExpiresAt: expiresAt, video: job.video } satisfies JobResult);
    },

    download(request: WireRequest) {
      links.check(request.query);
      if (jobs.get(request.id).status !== "succeeded") throw refuse("video_expired");
      return sendVideo(request);
    },

    async estimate(request: WireRequest) {
      await readInput(request);
      const cost = { gpuSeconds: 0, usd: 0 };
      const audioSeconds = VIDEO.durationSeconds;
      return answer({ audioSeconds, cost, position: 1, cold: false, warnings: [] } satisfies JobEstimate);
    },

    cancel: ({ id }: WireRequest) => answer(jobs.cancel(id)),

    delete({ id }: WireRequest) {
      const job = jobs.delete(id);
      for (const file of jobs.filesOf(id)) uploads.release(file);
      return answer(job);
    },
  } satisfies Record<string, Route>;
}

const sorted = (fields: object) => Object.entries(fields).sort();
