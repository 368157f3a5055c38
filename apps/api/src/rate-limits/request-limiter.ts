import type { Caller, Meter } from "../api-keys/caller.ts";
import type { RequestWindowRepository } from "./request-window-repository.ts";

/** What a key may still send, after the request at hand. */
export interface RequestWindow {
  isGranted: boolean;
  of: "key" | "childKey";
  limit: number;
  remaining: number;
  secondsLeft: number;
}

interface Waiting {
  count: number;
  settle: PromiseWithResolvers<RequestWindow>;
}

export type RequestLimiter = ReturnType<typeof createRequestLimiter>;

/**
 * Counts requests, exactly, over all replicas. Those of a key that come while it is being counted are counted together by
 * the next statement: a key that many clients use at once would else wait for a statement for each.
 */
export function createRequestLimiter(windows: RequestWindowRepository) {
  const queues = new Map<string, Waiting[]>();

  function takeOf({ id, limits }: Meter, of: RequestWindow["of"], count: number) {
    const limit = limits.requestsPerMinute;
    if (limit === undefined) return undefined;
    const settle = Promise.withResolvers<RequestWindow>();
    const queue = queues.get(id);
    queue?.push({ count, settle });
    if (!queue) {
      queues.set(id, [{ count, settle }]);
      void drain(id, limit, of);
    }
    return settle.promise;
  }

  async function drain(id: string, limit: number, of: RequestWindow["of"]): Promise<void> {
    for (;;) {
      const batch = queues.get(id)?.splice(0) ?? [];
      if (batch.length === 0) break;
      try {
        const wanted = batch.reduce((sum, { count }) => sum + count, 0);
        const { granted, used, secondsLeft } = await windows.take(id, wanted, limit);
        let left = granted;
        let remaining = limit - (used - granted);
        for (const { count, settle } of batch) {
          const isGranted = count <= left;
          if (isGranted) {
            left -= count;
            remaining -= count;
          }
          settle.resolve({ isGranted, of, limit, remaining: Math.max(remaining, 0), secondsLeft });
        }
        // A request of several calls that did not fit leaves what there was.
        if (left > 0) await windows.giveBack(id, left);
      } catch (error) {
        for (const { settle } of batch) settle.reject(error);
      }
    }
    queues.delete(id); // In the same step as the look at the queue: what comes later starts anew.
  }

  return {
    /** @returns the window that has the least left; undefined where nothing limits the caller */
    async take({ meters, childKeyId }: Caller, count: number): Promise<RequestWindow | undefined> {
      let tightest: RequestWindow | undefined;
      // A child key first: what it may not send its parent does not pay for.
      for (const meter of meters) {
        const window = await takeOf(meter, meter.id === childKeyId ? "childKey" : "key", count);
        if (!window) continue;
        if (!tightest || !window.isGranted || window.remaining < tightest.remaining) tightest = window;
        if (!window.isGranted) break;
      }
      return tightest;
    },

    async giveBack({ meters }: Caller, count: number): Promise<void> {
      for (const { id, limits } of meters)
        if (limits.requestsPerMinute !== undefined) await windows.giveBack(id, count);
    },
  };
}
