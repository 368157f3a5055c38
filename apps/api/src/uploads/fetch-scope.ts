export type FetchScope = ReturnType<typeof createFetchScope>;

/**
 * What may end one fetch early: its caller, a time limit, a failure. All sockets listen to `signal`; however the
 * fetch ends, that closes them, and no timer is left.
 */
export function createFetchScope(caller: AbortSignal) {
  const ending = new AbortController();
  const signal = AbortSignal.any([caller, ending.signal]);
  const timers = new Set<NodeJS.Timeout>();
  signal.addEventListener("abort", () => timers.forEach(clearTimeout));

  /** Ends the fetch after a while; gives a function that calls this off. */
  function limit(ms: number, error: () => Error): () => void {
    const timer = setTimeout(() => ending.abort(error()), ms);
    timers.add(timer);
    return () => {
      clearTimeout(timer);
      timers.delete(timer);
    };
  }

  const close = () => ending.abort();

  return {
    signal,
    limit,
    close,

    /** What is within must stop when `signal` aborts. */
    async within<T>(ms: number, error: () => Error, work: () => Promise<T>): Promise<T> {
      const callOff = limit(ms, error);
      return await work().finally(callOff);
    },

    /** Closes, and tells what to throw: sockets that were closed on purpose fail with errors that say nothing. */
    fail(error: unknown): unknown {
      const reason: unknown = signal.aborted ? signal.reason : error;
      close();
      return reason;
    },
  };
}
