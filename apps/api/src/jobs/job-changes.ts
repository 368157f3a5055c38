import { setTimeout as delay } from "node:timers/promises";
import type { Database } from "../db/client.ts";
import type { Logger } from "../telemetry/logger.ts";

const CHANNEL = "avatar_job_changes";
/** A NOTIFY payload holds less than 8,000 bytes. */
const IDS_PER_MESSAGE = 150;
/** How often a waiter looks without being told, should a message get lost. */
const SAFETY_POLL_MS = 5000;

type Listener = () => void;
export type JobChanges = ReturnType<typeof createJobChanges>;

/** Tells every replica that jobs changed. What changed is read from the database, never from the message. */
export function createJobChanges({
  database,
  log,
}: {
  database: Pick<Database, "listen" | "notify">;
  log: Logger;
}) {
  const listeners = new Map<string, Set<Listener>>();
  const anyListeners = new Set<(id: string) => void>();
  const outbox = new Set<string>();
  let flushing: Promise<void> | undefined;
  const stopping = new AbortController();

  const wake = (id: string) => {
    for (const listener of listeners.get(id) ?? []) listener();
    for (const listener of anyListeners) listener(id);
  };
  const wakeAll = () => {
    for (const id of [...listeners.keys()]) wake(id);
  };

  /** One message for all that changed while the one before was under way. */
  async function flush(): Promise<void> {
    while (outbox.size > 0) {
      const ids = [...outbox].slice(0, IDS_PER_MESSAGE);
      for (const id of ids) outbox.delete(id);
      try {
        await database.notify(CHANNEL, ids.join(" "));
      } catch (error) {
        log.warn({ err: error }, "job changes were not announced; waiters will find them by polling");
      }
    }
    flushing = undefined; // In the same step as the look at the outbox: what comes later starts a new one.
  }

  return {
    start: () => database.listen(CHANNEL, (payload) => payload.split(" ").forEach(wake), wakeAll),

    /** To be called after the commit. */
    publish(...ids: string[]): void {
      for (const id of ids) outbox.add(id);
      if (outbox.size > 0) flushing ??= flush();
    },

    /** Every change, for the dispatcher. */
    onAny(listener: (id: string) => void): () => void {
      anyListeners.add(listener);
      return () => anyListeners.delete(listener);
    },

    /**
     * Counts from the call on: watch first, then read the job, then wait. So no change falls between.
     * `changed` resolves at the next change, after `maxMs`, on abort or when the server stops.
     */
    watch(id: string) {
      let changed = false;
      let notice: Listener | undefined;
      const listener = () => {
        changed = true;
        notice?.();
      };
      const set = listeners.get(id) ?? new Set();
      listeners.set(id, set.add(listener));
      return {
        async changed(maxMs: number, signal: AbortSignal | undefined): Promise<void> {
          if (!changed) {
            const settled = new AbortController();
            const signals = [settled.signal, stopping.signal, ...(signal ? [signal] : [])];
            notice = () => settled.abort();
            await delay(Math.min(maxMs, SAFETY_POLL_MS), undefined, {
              signal: AbortSignal.any(signals),
            }).catch(
              () => {}, // An abort ends the wait; the caller looks at the job either way.
            );
            notice = undefined;
          }
          changed = false;
        },
        close(): void {
          set.delete(listener);
          if (set.size === 0) listeners.delete(id);
        },
      };
    },

    get isStopping(): boolean {
      return stopping.signal.aborted;
    },

    /** Lets all waiters go; they answer with what they know. */
    releaseWaiters(): void {
      stopping.abort();
    },

    async stop(): Promise<void> {
      stopping.abort();
      await flushing;
    },
  };
}
