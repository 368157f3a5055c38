import { type AvatarError, addFacts } from "./errors.ts";

/**
 * When a request is sent again. `Retry-After` is always honoured: if it asks for more time than is left, the call
 * rejects at once and `retryAfterMs` says how long to wait.
 *
 * @example
 * const avatar = new Avatar({ retry: { attempts: 3, budgetMs: 10_000 } });
 */
export interface RetryOptions {
  /** How often a request is sent at most. Default 10, which outlasts a restart of the API. */
  attempts?: number | undefined;
  /** Upper bound of a pause that the API did not ask for. Default 8000. */
  maxDelayMs?: number | undefined;
  /** No retry starts later than this after the first try. Default twice as long as a try may take: 60000 for most. */
  budgetMs?: number | undefined;
}

/**
 * Time, as the client sees it; tests replace it.
 *
 * @example
 * const instant: Clock = { now: Date.now, sleep: async () => {} };
 */
export interface Clock {
  now(): number;
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

/** `setTimeout` fires at once beyond this. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const stop = () => {
        clearTimeout(timer);
        reject(signal.reason);
      };
      // Not unref'd: a program that only waits for its next try must not exit.
      const timer = setTimeout(
        () => {
          signal.removeEventListener("abort", stop);
          resolve();
        },
        Math.min(ms, LONGEST_TIMER_MS),
      );
      signal.addEventListener("abort", stop, { once: true });
      if (signal.aborted) stop();
    }),
};

const FIRST_DELAY_MS = 250;

/**
 * May succeed some day, but the same request gets the same answer now, or makes you wait as long again. Of a quota the
 * API says with `Retry-After` when it is worth asking, if ever.
 */
const NOT_YET =
  /^(job_not_finished|gpu_quota_exceeded|upload_incomplete|render_failed|run_lost|(queue|start|run)_timeout|url_(unreachable|too_slow))$/;

/** `http_409` is a store's, which still has an earlier try of the same upload at hand. */
export const isRetryable = (status: number, code: string) =>
  NOT_YET.test(code) || /^(5..|408|425|429)$/.test(String(status)) || code === "http_409";

/** Repeats `once`, which rejects with AvatarErrors, while that can help. Repeating it must be harmless. */
export async function withRetries<T>(
  once: (attempt: number) => Promise<T>,
  onRetry: (error: AvatarError, attempt: number, delayMs: number) => Promise<void>,
  { attempts = 10, maxDelayMs = 8000, budgetMs = 60_000 }: RetryOptions,
  clock: Clock,
  signal: AbortSignal,
): Promise<T> {
  const startedAt = clock.now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(attempt);
    } catch (thrown) {
      signal.throwIfAborted();
      const error = addFacts(thrown as AvatarError, { attempts: attempt });
      const delayMs = pause(error, attempt, maxDelayMs);
      const mayHelp = error.retryable && (error.retryAfterMs || !NOT_YET.test(error.code));
      // In this way, what is not a number ends it.
      const isLeft = attempt < attempts && clock.now() - startedAt + delayMs <= budgetMs;
      if (!mayHelp || !isLeft) throw error;
      await onRetry(error, attempt, delayMs);
      await clock.sleep(delayMs, signal);
    }
  }
}

/** Full jitter: clients that failed together do not come back together. */
const pause = ({ retryAfterMs }: AvatarError, attempt: number, maxDelayMs: number) =>
  retryAfterMs ?? Math.random() * Math.min(maxDelayMs, FIRST_DELAY_MS * 2 ** (attempt - 1));
