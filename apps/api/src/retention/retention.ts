import { setTimeout as delay } from "node:timers/promises";
import { videoKey } from "../dispatch/dispatcher.ts";
import type { JobChanges } from "../jobs/job-changes.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { Logger } from "../telemetry/logger.ts";
import { uploadKey } from "../uploads/upload-service.ts";
import type { RetentionRepository } from "./retention-repository.ts";

interface Deps {
  retention: RetentionRepository;
  store: ObjectStore;
  changes: Pick<JobChanges, "publish">;
  now: () => Date;
  log: Logger;
}

export type Retention = ReturnType<typeof createRetention>;

const BATCH = 500;
const INTERVAL_MS = 20_000;
/** A job may have taken an upload just before it expired and still be on its way into the database. */
const UPLOAD_GRACE_MS = 30_000;

/** Deletes videos after their lifetime, those of runs without success, and inputs that no job needs any more. */
export function createRetention({ retention, store, changes, now, log }: Deps) {
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;

  /** The job says `expired` before its object is deleted, so no link ever leads to a missing video. */
  async function sweepVideos(): Promise<void> {
    for (;;) {
      const due = await retention.dueVideos(now(), BATCH);
      const jobIds = due.map((video) => video.jobId);
      if (due.length === 0) return;
      await retention.expireJobs(jobIds, now());
      changes.publish(...jobIds);
      await store.delete(due.map((video) => video.videoKey));
      await retention.forgetVideos(jobIds);
      if (due.length < BATCH) return;
    }
  }

  /** What failed, lost and abandoned runs left behind. */
  async function sweepRuns(): Promise<void> {
    for (;;) {
      const due = await retention.dueRuns(now(), BATCH);
      if (due.length === 0) return;
      await store.delete(due.map(videoKey));
      await retention.setRunsSwept(due.map((run) => run.runId));
      if (due.length < BATCH) return;
    }
  }

  async function sweepUploads(): Promise<void> {
    for (;;) {
      const ids = await retention.dueUploads(new Date(now().getTime() - UPLOAD_GRACE_MS), BATCH);
      if (ids.length === 0) return;
      await store.delete(ids.map(uploadKey));
      await retention.setUploadsDeleted(ids, now());
      if (ids.length < BATCH) return;
    }
  }

  async function sweep(): Promise<void> {
    await sweepVideos();
    await sweepRuns();
    await sweepUploads();
  }

  return {
    sweep,

    /** Deletes these uploads unless an unfinished job needs them. */
    async releaseUploads(ids: string[]): Promise<void> {
      const unneeded = await retention.takeUnneeded(ids, now());
      await store.delete(unneeded.map(uploadKey));
    },

    start(): void {
      loop = (async () => {
        while (!stopping.signal.aborted) {
          await sweep().catch((error) =>
            log.error({ err: error }, "the retention sweep failed; it goes on later"),
          );
          await delay(INTERVAL_MS, undefined, { signal: stopping.signal }).catch(() => {}); // Stopping ends the wait.
        }
      })();
    },

    async stop(): Promise<void> {
      stopping.abort();
      await loop;
    },
  };
}
