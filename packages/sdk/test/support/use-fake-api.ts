import { afterEach, beforeEach, expect, vi } from "vitest";
import { Avatar, type Clock } from "../../src/index.ts";
import { type FakeApi, startFakeApi, waitFor } from "./fake-api.ts";

/** A clock that stands still except while somebody sleeps, which takes no time at all. */
export function createFakeClock(start = Date.parse("2026-01-01T00:00:00Z")) {
  const clock = {
    time: start,
    slept: [] as number[],
    /** Sleepers wait for their signal instead. */
    isStopped: false,
    now: () => clock.time,
    sleep(ms: number, signal: AbortSignal) {
      clock.slept.push(ms);
      clock.time += ms;
      if (!clock.isStopped) return Promise.resolve();
      return new Promise<void>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
    },
  };
  return clock satisfies Clock;
}

interface Context {
  api: FakeApi;
  clock: ReturnType<typeof createFakeClock>;
  avatar: Avatar;
}

/** A server, a client and a clock for each test; fails the test that leaves a timer behind. */
export function useFakeApi(): Context {
  const context = {} as Context;
  const timers = new Set<unknown>();

  beforeEach(async () => {
    const { setTimeout: set, clearTimeout: clear } = globalThis;
    vi.spyOn(globalThis, "setTimeout").mockImplementation(((
      run: (...args: unknown[]) => void,
      ...rest: never[]
    ) => {
      const timer = set(
        (...args: unknown[]) => {
          timers.delete(timer);
          run(...args);
        },
        ...rest,
      );
      // Node's own `fetch` sets timers too.
      if (/sdk.src/.test(new Error().stack ?? "")) timers.add(timer);
      return timer;
    }) as typeof setTimeout);
    vi.spyOn(globalThis, "clearTimeout").mockImplementation((timer) => {
      timers.delete(timer);
      clear(timer);
    });
    context.api = await startFakeApi();
    context.clock = createFakeClock();
    context.api.now = context.clock.now;
    context.avatar = new Avatar({ apiKey: "avk_test_1", baseUrl: context.api.url, clock: context.clock });
  });

  afterEach(async () => {
    // What runs in the background after an abort, the cancel, ends by itself.
    await waitFor(() => timers.size === 0);
    await context.api.close();
    vi.restoreAllMocks();
    expect(timers.size).toBe(0);
  });

  return context;
}

export const png = (size = 64) =>
  new Blob([new Uint8Array([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]), new Uint8Array(size)]);
export const wav = (size = 64) => new Blob(["RIFF\0\0\0\0WAVE", new Uint8Array(size)]);
export const files = () => ({ image: png(), audio: wav() });

/** What a promise is rejected with. */
export const errorOf = (promise: PromiseLike<unknown>): Promise<unknown> =>
  Promise.resolve(promise).then(
    () => expect.fail("it did not reject"),
    (error) => error,
  );

export const statesOf = async (states: AsyncIterable<{ status: string }>): Promise<string[]> => {
  const seen: string[] = [];
  for await (const { status } of states) seen.push(status);
  return seen;
};
