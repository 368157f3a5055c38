import { AbortedError, type AvatarError, asAvatarError, TimeoutError } from "./errors.ts";
import { refuse } from "./refuse.ts";
import { LONGEST_TIMER_MS } from "./retry.ts";

/**
 * What ends a call before it is done.
 *
 * @example
 * const video = await avatar.generate(input, { signal: controller.signal, timeoutMs: 10 * 60_000 });
 */
export interface Bounds {
  /** Abort it and the call rejects at once with the code `aborted`. */
  signal?: AbortSignal | undefined;
  /** For the whole call with its retries; then it rejects with the code `timeout`. Default: no limit. */
  timeoutMs?: number | undefined;
}

type Work<T> = (signal: AbortSignal, abort: (reason: AvatarError) => void) => Promise<T>;

/** Made here, so that what they are aborted with is an error of ours. A reason of yours becomes the cause of one. */
const ownSignals = new WeakSet<AbortSignal>();

/**
 * Runs `work` within bounds. Settles at once when one is hit, even if `work` does not listen to its signal; whatever
 * `work` still has under way when it fails is told to stop. Rejects with nothing but AvatarErrors.
 */
export async function withinBounds<T>(bounds: Bounds | undefined, work: Work<T>): Promise<T> {
  const { signal: outer, timeoutMs } = bounds ?? {};
  const controller = new AbortController();
  const { signal } = controller;
  ownSignals.add(signal);
  const abort = (reason: AvatarError) => controller.abort(reason);
  const onAbort = () =>
    abort(outer && ownSignals.has(outer) ? outer.reason : new AbortedError(outer?.reason));
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    if (outer?.aborted) onAbort();
    signal.throwIfAborted();
    outer?.addEventListener("abort", onAbort, { once: true });
    if (timeoutMs !== undefined) {
      if (!(timeoutMs >= 0)) await refuse("invalid_input", "timeout");
      if (timeoutMs <= LONGEST_TIMER_MS)
        // Not unref'd: a callback of yours that never settles keeps no process alive, and would end without a rejection.
        timer = setTimeout(() => abort(new TimeoutError(timeoutMs)), timeoutMs);
    }
    return await new Promise<T>((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      work(signal, abort).then(resolve, reject);
    });
  } catch (thrown) {
    const error = asAvatarError(thrown);
    abort(error);
    throw error;
  } finally {
    clearTimeout(timer);
    outer?.removeEventListener?.("abort", onAbort);
  }
}
