import type { Clock } from "../retry.ts";

/**
 * Time that passes only when somebody sleeps, which takes no time at all, or when a test says so.
 *
 * @example
 * fake.clock.advance(6 * 3600 * 1000); // the video expires
 */
export interface FakeClock extends Clock {
  /** Lets so many milliseconds pass. */
  advance(ms: number): void;
}

/** Begins at the real time, so that links are good for clients with a real clock as well. */
export function createFakeClock(): FakeClock {
  let time = Date.now();
  const advance = (ms: number) => {
    time += ms;
  };
  return {
    now: () => time,
    async sleep(ms, signal) {
      signal.throwIfAborted();
      advance(ms);
    },
    advance,
  };
}
