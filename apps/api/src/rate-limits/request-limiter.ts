import type { Caller, Meter } from "../api-keys/caller.ts";
import type { RequestWindowRepository } from "./request-window-repository.ts";

/** What a key may still send, after the request at hand. */
export interface RequestWindow {
  isGranted: boolean;
  of: "key" | "childKey";
  keyId: string;
  startedAt: string;
  limit: number;
  remaining: number;
  secondsLeft: number;
}

export interface Taken {
  /** The window that has the least left. */
  tightest: RequestWindow;
  /** All that the request was counted in: none where it was not let through. */
  windows: readonly RequestWindow[];
}

interface Waiting {
  calls: number;
  limit: number;
  settle: PromiseWithResolvers<RequestWindow>;
}

export type RequestLimiter = ReturnType<typeof createRequestLimiter>;

/**
 * Counts requests, exactly, over all replicas. Those of a key that come while it is being counted are counted together by
 * the next statement: a key that many clients use at once would else wait for a statement for each.
 */
export function createRequestLimiter(windows: RequestWindowRepository) {
  const queues = new Map<string, Waiting[]>();

  function takeOf({ id, limits }: Meter, of: RequestWindow["of"], calls: number) {
    const limit = limits.requestsPerMinute;
    if (limit === undefined) return undefined;
    const settle = Promise.withResolvers<RequestWindow>();
    const queue = queues.get(id);
    const waiting = { calls, limit, settle };
    queue?.push(waiting);
    if (!queue) {
      queues.set(id, [waiting]);
      void drain(id, of);
    }
    return settle.promise;
  }

  async function drain(keyId: string, of: RequestWindow["of"]): Promise<void> {
    for (;;) {
      const batch = shiftAlike(queues.get(keyId) ?? []);
      const [first] = batch;
      if (!first) break;
      const { calls, limit } = first;
      try {
        const taken = await windows.take(keyId, { calls, limit, wanted: batch.length });
        const { granted, used, startedAt, secondsLeft } = taken;
        for (const [index, { settle }] of batch.entries()) {
          const isGranted = index < granted;
          const usedLater = isGranted ? (granted - index - 1) * calls : 0;
          const remaining = Math.max(limit - used + usedLater, 0);
          settle.resolve({ isGranted, of, keyId, startedAt, limit, remaining, secondsLeft });
        }
      } catch (error) {
        for (const { settle } of batch) settle.reject(error);
      }
    }
    queues.delete(keyId); // In the same step as the look at the queue: what comes later starts anew.
  }

  async function giveBack(taken: readonly RequestWindow[], calls: number): Promise<void> {
    for (const { keyId, startedAt } of taken) await windows.giveBack(keyId, startedAt, calls);
  }

  return {
    /** Undefined where nothing limits the caller. */
    async take({ meters, childKeyId }: Caller, calls: number): Promise<Taken | undefined> {
      const taken: RequestWindow[] = [];
      // A child key first: what it may not send its parent does not pay for.
      for (const meter of meters) {
        const window = await takeOf(meter, meter.id === childKeyId ? "childKey" : "key", calls);
        if (!window) continue;
        if (!window.isGranted) {
          await giveBack(taken, calls);
          return { tightest: window, windows: [] };
        }
        taken.push(window);
      }
      const [tightest] = taken.toSorted((a, b) => a.remaining - b.remaining);
      return tightest && { tightest, windows: taken };
    },

    giveBack,
  };
}

/** Takes those from the front that one statement can count. */
function shiftAlike(queue: Waiting[]): Waiting[] {
  const [first] = queue;
  const end = queue.findIndex(({ calls, limit }) => calls !== first?.calls || limit !== first.limit);
  return queue.splice(0, end === -1 ? queue.length : end);
}
