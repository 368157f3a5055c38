import { createHash, randomInt } from "node:crypto";
import type { KeyMode } from "@avatar/contract/api-keys";
import { LIMITS } from "@avatar/contract/limits";
import type { CreateJobInput, GetJobInput, ListJobsInput } from "@avatar/contract/schemas";
import type { Job, JobPage, JobResult } from "@avatar/contract/types";
import type { z } from "zod";
import type { Caller } from "../api-keys/caller.ts";
import { parseCursor, toPage } from "../cursor.ts";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { Retention } from "../retention/retention.ts";
import { createSharedReads } from "../shared-reads.ts";
import { type ObjectStore, StorageUnavailable } from "../storage/object-store.ts";
import type { JobEvents } from "../telemetry/job-events.ts";
import type { UploadRow } from "../uploads/upload-repository.ts";
import type { UploadService } from "../uploads/upload-service.ts";
import type { Admit } from "./admission.ts";
import { checkSettings } from "./check-settings.ts";
import type { JobChanges } from "./job-changes.ts";
import { createCostEstimate } from "./job-cost.ts";
import { createJobEstimate, type EstimateDeps } from "./job-estimate.ts";
import { findFiles, inspectFiles } from "./job-files.ts";
import { isFinal } from "./job-lifecycle.ts";
import type { JobRepository, JobRow } from "./job-repository.ts";
import { streamJob } from "./job-stream.ts";
import { toJob, toVideo } from "./job-view.ts";
import { createQueueOutlook } from "./queue-outlook.ts";

interface Deps extends Pick<EstimateDeps, "checkInputs" | "refusalOf" | "scalesToZero"> {
  jobs: JobRepository;
  admit: Admit;
  uploads: UploadService;
  retention: Pick<Retention, "releaseUploads">;
  store: ObjectStore;
  changes: JobChanges;
  now: () => Date;
  newId: NewId;
  events: JobEvents;
  wakeDispatcher: (mode: KeyMode) => void;
  queueTimeoutMs: number;
  /** How long a video is kept unless its job asks for less. */
  videoTtlSeconds: number;
  /** In dollars; undefined where live keys render for free. */
  gpuPricePerSecond: number | undefined;
}

export type JobService = ReturnType<typeof createJobService>;
type CreateInput = z.output<typeof CreateJobInput>;

interface CreateOptions {
  idempotencyKey: string | undefined;
  /** Uploads of this caller that are at hand. */
  received: readonly UploadRow[];
  signal: AbortSignal | undefined;
  /** Which request asks, and its place in a trace, if it is traced. */
  requestId: string;
  traceparent: string | undefined;
}

export function createJobService(deps: Deps) {
  const { jobs, uploads, retention, store, changes, now, newId, events, wakeDispatcher } = deps;
  const { queueTimeoutMs, videoTtlSeconds, admit, gpuPricePerSecond } = deps;
  const { outlookOf, outlookOfNext, noteChange } = createQueueOutlook(jobs, now);
  changes.onAny(() => {
    // Of which mode it is nobody says.
    noteChange("live");
    noteChange("test");
  });
  const share = createSharedReads<JobRow | undefined>();
  const costOf = createCostEstimate(jobs, gpuPricePerSecond);

  async function get(caller: Caller, id: string): Promise<JobRow> {
    const { owner, mode, childKeyId = "" } = caller;
    const row = await share(`${id} ${childKeyId} ${mode} ${owner}`, () => jobs.find(caller, id));
    if (!row) throw new AppError("job_not_found");
    return row;
  }

  async function inView(row: JobRow): Promise<Job> {
    return toJob(row, isFinal(row.status) ? {} : await outlookOf(row.mode, row.id));
  }

  /** The job that this idempotency key made within its time, if it made one. */
  async function findEarlier(owner: string, key: string, fingerprint: string): Promise<JobRow | undefined> {
    const earlier = await jobs.findByIdempotencyKey(owner, key);
    if (!earlier) return undefined;
    const oldest = new Date(now().getTime() - LIMITS.idempotencySeconds * 1000);
    if (earlier.createdAt < oldest) {
      await jobs.freeIdempotencyKey(owner, key, oldest);
      return undefined;
    }
    if (earlier.fingerprint !== fingerprint) throw new AppError("idempotency_mismatch");
    return earlier;
  }

  return {
    /** Checks the files and queues a job; `replayed` where this idempotency key had made it before. */
    async create(
      caller: Caller,
      input: CreateInput,
      { received, signal, ...options }: CreateOptions,
    ): Promise<{ job: Job; replayed: boolean }> {
      const { owner, keyId, childKeyId, mode } = caller;
      const { test = null } = input;
      const ttlSeconds = checkSettings(caller, input, videoTtlSeconds);
      const files = await findFiles(caller, input, uploads, received);
      const fingerprint = fingerprintOf({ ...input, ttlSeconds }, files.identities);
      const idempotencyKey = nameFor(caller, options.idempotencyKey);
      const findReplayed = () =>
        idempotencyKey === undefined ? undefined : findEarlier(owner, idempotencyKey, fingerprint);
      const earlier = await findReplayed();
      if (earlier) return { job: toJob(earlier), replayed: true };
      try {
        const { image, audio } = await files.fetch(signal);
        const { audioSeconds } = await inspectFiles({ image, audio }, uploads);
        const estimate = await costOf(mode, audioSeconds);
        for (;;) {
          const time = now();
          const waitsMs = (test?.queueSeconds ?? 0) * 1000;
          const row = await admit(caller, {
            id: newId("job"),
            owner,
            keyId,
            childKeyId: childKeyId ?? null,
            mode,
            status: "queued",
            createdAt: time,
            updatedAt: time,
            deadlineAt: new Date(time.getTime() + queueTimeoutMs + waitsMs),
            runAfter: new Date(time.getTime() + waitsMs),
            imageUploadId: image.id,
            audioUploadId: audio.id,
            audioSeconds,
            aspect: input.aspect,
            fit: input.fit,
            prompt: input.prompt ?? null,
            seed: input.seed ?? randomInt(2 ** 32),
            metadata: input.metadata,
            ttlSeconds,
            test,
            estimatedGpuSeconds: estimate.gpuSeconds,
            estimatedCostUsd: estimate.usd,
            requestId: options.requestId,
            traceparent: options.traceparent ?? null,
            idempotencyKey: idempotencyKey ?? null,
            fingerprint,
          });
          if (row) {
            events.jobCreated(row, options.requestId);
            noteChange(mode);
            wakeDispatcher(mode);
            return { job: toJob(row), replayed: false };
          }
          // Another request with this key was faster. Where its job is gone again by now, the next insert gets through.
          const faster = await findReplayed();
          if (!faster) continue;
          await files.discard();
          return { job: toJob(faster), replayed: true };
        }
      } catch (error) {
        if (isWithoutJob(error)) await files.discard();
        throw error;
      }
    },

    /** What a job would take, without making one. */
    estimate: createJobEstimate({ ...deps, costOf, outlookOfNext }),

    /** With `wait`, answers when the version is greater than `after`, the job is final, or the time is up. */
    async get(
      caller: Caller,
      input: z.output<typeof GetJobInput>,
      signal: AbortSignal | undefined,
    ): Promise<Job> {
      const watch = changes.watch(input.id);
      try {
        let row = await get(caller, input.id);
        const seen = input.after ?? row.version;
        const until = performance.now() + input.wait * 1000;
        while (!isFinal(row.status) && row.version <= seen && !signal?.aborted && !changes.isStopping) {
          const leftMs = until - performance.now();
          if (leftMs <= 0) break;
          await watch.changed(leftMs, signal);
          row = await get(caller, input.id);
        }
        return await inView(row);
      } finally {
        watch.close();
      }
    },

    /**
     * The job as it is, if its version is greater than `after`, then each newer state. Ends after a final one, on abort
     * and when the server stops.
     */
    watch(
      caller: Caller,
      id: string,
      after: number,
      signal: AbortSignal | undefined,
    ): AsyncGenerator<Job, void> {
      return streamJob({ id, find: () => get(caller, id), inView, changes, after, signal });
    },

    /** What waits or watches ends before its time. */
    get isStopping(): boolean {
      return changes.isStopping;
    },

    async list(caller: Caller, input: z.output<typeof ListJobsInput>): Promise<JobPage> {
      const after = parseCursor(input.cursor, "job");
      const rows = await jobs.list(caller, input.limit + 1, input.status, after);
      const { items, nextCursor } = toPage(rows, input.limit);
      return {
        items: await Promise.all(items.map(inView)),
        ...(nextCursor !== undefined && { nextCursor }),
      };
    },

    /** A link to the video. @throws AppError with the job's own code where it failed. */
    async result(caller: Caller, id: string): Promise<JobResult> {
      const row = await get(caller, id);
      if (row.status === "failed" && row.error)
        throw new AppError(row.error.code, { detail: row.error.detail, isOfJob: true });
      if (row.status === "canceled") throw new AppError("job_canceled");
      if (!isFinal(row.status)) throw new AppError("job_not_finished");
      const { videoKey, videoExpiresAt } = row;
      // A link lives for whole seconds.
      const leftMs = (videoExpiresAt?.getTime() ?? 0) - now().getTime();
      if (row.status !== "succeeded" || !videoKey || !videoExpiresAt || leftMs < 1000)
        throw new AppError("video_expired");
      const url = await store.signGet(videoKey, {
        expiresAt: videoExpiresAt,
        contentType: "video/mp4",
        fileName: `${row.id}.mp4`,
        owner: row.owner,
      });
      return { jobId: row.id, url, urlExpiresAt: videoExpiresAt.toISOString(), video: toVideo(row) };
    },

    /** Canceling twice is the same as once; a finished job is returned as it is. */
    async cancel(caller: Caller, id: string): Promise<Job> {
      const row = await jobs.end(caller, id, "canceled", now());
      if (!row) return toJob(await get(caller, id));
      events.jobCanceled(row);
      noteChange(row.mode);
      changes.publish(id);
      return toJob(row);
    },

    /** Cancels the job if it is unfinished, and removes its files now: the video, and inputs no other job needs. */
    async delete(caller: Caller, id: string): Promise<Job> {
      await this.cancel(caller, id);
      await jobs.end(caller, id, "expired", now());
      const row = await get(caller, id);
      const failed = row.videoKey ? await store.delete([row.videoKey]) : [];
      failed.push(...(await retention.releaseUploads([row.imageUploadId, row.audioUploadId])));
      // To be called again. If nobody does, the sweeper deletes them.
      if (failed.length > 0) throw new StorageUnavailable(`not deleted: ${failed.join(", ")}`);
      changes.publish(id);
      return toJob(row);
    },
  };
}

/** Of other errors nobody knows whether the database made the job before its answer was lost: the sweeper will see. */
const isWithoutJob = (error: unknown) => error instanceof AppError || error instanceof StorageUnavailable;

/** Test keys and child keys have idempotency keys of their own: they do not see the other jobs of their owner. */
const nameFor = ({ mode, childKeyId }: Caller, key: string | undefined) =>
  key === undefined ? undefined : [childKeyId ?? (mode === "test" ? mode : []), key].flat().join(" ");

/** What makes two requests the same: the content of the files where it is known, and all settings. */
function fingerprintOf(input: CreateInput & { ttlSeconds: number }, files: string[]): string {
  const { aspect, fit, prompt = null, seed = null, ttlSeconds, test } = input;
  const metadata = Object.entries(input.metadata).sort();
  return createHash("sha256")
    .update(JSON.stringify({ files, aspect, fit, prompt, seed, ttlSeconds, metadata, test }))
    .digest("hex");
}
