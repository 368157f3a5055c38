import { setTimeout as delay } from "node:timers/promises";

/** Works at once when woken, else now and then. Being woken while it works makes it work once more. */
export function createLoop(everyMs: number, work: () => Promise<void>, onError: (error: unknown) => void) {
  let wakeUp = new AbortController();
  return {
    wake(): void {
      if (!wakeUp.signal.aborted) wakeUp.abort();
    },
    async run(stopping: AbortSignal): Promise<void> {
      while (!stopping.aborted) {
        wakeUp = new AbortController();
        await work().catch(onError);
        const signal = AbortSignal.any([stopping, wakeUp.signal]);
        await delay(everyMs, undefined, { signal }).catch(() => {}); // Woken or stopping.
      }
    },
  };
}
