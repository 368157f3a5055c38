import { setTimeout as delay } from "node:timers/promises";
import { claimKey, videoKey } from "../dispatch/run-keys.ts";
import type { JobChanges } from "../jobs/job-changes.ts";
import { type ObjectStore, StorageUnavailable } from "../storage/object-store.ts";
import type { Logger } from "../telemetry/logger.ts";
import { uploadKey } from "../uploads/upload-service.ts";
import type { RetentionRepository } from "./retention-repository.ts";

interface Deps {
  retention: RetentionRepository;
  store: ObjectStore;
  changes: Pick<JobChanges, "publish">;
  /** Runs work unless another process does the same. */
  exclusively: (work: () => Promise<void>) => Promise<void>;
  now: () => Date;
  log: Logger;
}

export type Retention = ReturnType<typeof createRetention>;

const BATCH = 500;
const INTERVAL_MS = 20_000;
/** Where a store fails every fifth time, 3 of 10,000 objects are left to the next sweep. */
const TRIES = 5;
/** A job may have taken an upload just before it expired and still be on its way into the database. */
const UPLOAD_GRACE_MS = 30_000;
const ROWS_MS = 90 * 24 * 3_600_000;
/** Of child keys that have expired, and of counted requests. */
const KEY_ROWS_MS = 24 * 3_600_000;

/** Rows whose objects are to be deleted. */
interface Due<T> {
  find: (afterId: string, limit: number) => Promise<T[]>;
  keys: (row: T) => string[];
  /** To be called once the objects are gone. */
  done: (ids: string[]) => Promise<void>;
}

/**
 * Deletes videos after their lifetime, what runs left behind, inputs that no job needs any more, and old rows. A sweep
 * may break off anywhere: the next one finds what is left.
 */
export function createRetention({ retention, store, changes, exclusively, now, log }: Deps) {
  const stopping = new AbortController();
  let loop: Promise<void> | undefined;
  const ago = (ms: number) => new Date(now().getTime() - ms);

  /** @returns the keys that are left after some tries. */
  async function deleteObjects(keys: string[]): Promise<Set<string>> {
    let left = keys;
    for (let attempt = 0; attempt < TRIES && left.length > 0; attempt++) {
      if (attempt > 0) await delay(50 * 2 ** attempt);
      left = await store.delete(left);
    }
    return new Set(left);
  }

  async function clear<T extends { id: string }>({ find, keys, done }: Due<T>): Promise<void> {
    for (let afterId = ""; ; ) {
      stopping.signal.throwIfAborted();
      const rows = await find(afterId, BATCH);
      const last = rows.at(-1);
      if (!last) return;
      const left = await deleteObjects(rows.flatMap(keys));
      const cleared = rows.filter((row) => !keys(row).some((key) => left.has(key)));
      if (cleared.length === 0) throw new StorageUnavailable(`none of ${rows.length} objects was deleted`);
      await done(cleared.map((row) => row.id));
      afterId = last.id;
    }
  }

  /** The job says `expired` before its object is deleted, so no link ever leads to a missing video. */
  async function expireJobs(): Promise<void> {
    for (;;) {
      const jobIds = await retention.expireJobs(now(), BATCH);
      changes.publish(...jobIds);
      if (jobIds.length < BATCH) return;
    }
  }

  /** Parts of uploads that were never joined. */
  async function dropParts(): Promise<void> {
    for (const { id, token } of await retention.dueParts(ago(UPLOAD_GRACE_MS), BATCH)) {
      await store.dropParts(uploadKey(id), token);
      await retention.forgetParts(id);
    }
  }

  async function sweep(): Promise<void> {
    await expireJobs();
    await clear({
      find: (afterId, limit) => retention.dueVideos(now(), afterId, limit),
      keys: (job) => [job.videoKey],
      done: retention.forgetVideos,
    });
    await clear({
      find: (afterId, limit) => retention.dueRuns(now(), afterId, limit),
      keys: ({ id, jobId, outcome }) => {
        const run = { runId: id, jobId };
        return outcome === "succeeded" ? [claimKey(run)] : [claimKey(run), videoKey(run)];
      },
      done: retention.setRunsSwept,
    });
    await dropParts();
    await clear({
      find: (afterId, limit) => retention.dueUploads(ago(UPLOAD_GRACE_MS), afterId, limit),
      keys: ({ id }) => [uploadKey(id)],
      done: (ids) => retention.setUploadsDeleted(ids, now()),
    });
    while ((await retention.deleteRows(ago(ROWS_MS), BATCH)) === BATCH);
    while ((await retention.deleteKeyRows(ago(KEY_ROWS_MS), BATCH)) === BATCH);
  }

  return {
    sweep: () => exclusively(sweep),

    /** Deletes these uploads unless an unfinished job needs them. @returns the keys that could not be deleted */
    async releaseUploads(ids: string[]): Promise<string[]> {
      const unneeded = await retention.takeUnneeded(ids, now());
      return store.delete(unneeded.map(uploadKey));
    },

    start(): void {
      loop = (async () => {
        while (!stopping.signal.aborted) {
          await exclusively(sweep).catch((error) => {
            if (!stopping.signal.aborted)
              log.error({ err: error }, "the retention sweep failed; it goes on later");
          });
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
