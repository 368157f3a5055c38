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

/** A PNG of 512 x 640 pixels to everybody who does not decode it: 8 bytes of signature and `size` more. */
export function png(size = 64): Blob {
  const chunk = (name: string, ...data: number[]) => [0, 0, 0, data.length, ...latin1(name), ...data];
  const start = [...latin1("\x89PNG\r\n\x1a\n"), ...chunk("IHDR", 0, 0, 2, 0, 0, 0, 2, 128, 8, 2, 0, 0, 0)];
  const end = [...chunk("IEND"), 0xae, 0x42, 0x60, 0x82];
  return blobOf(start, new Uint8Array(8 + size - start.length - end.length), end);
}

/** Silence as a WAV of 8 kHz: 12 bytes of RIFF and `size` more. */
export function wav(size = 64): Blob {
  const word = (value: number) => [value & 255, (value >> 8) & 255, (value >> 16) & 255, value >> 24];
  const format = [1, 0, 1, 0, ...word(8000), ...word(16_000), 2, 0, 16, 0];
  const dataBytes = size - 32;
  const riff = [...latin1("RIFF"), ...word(size + 4), ...latin1("WAVEfmt "), ...word(16), ...format];
  return blobOf([...riff, ...latin1("data"), ...word(dataBytes)], new Uint8Array(dataBytes), []);
}

const latin1 = (text: string) => [...text].map((char) => char.charCodeAt(0));
const blobOf = (start: number[], middle: Uint8Array<ArrayBuffer>, end: number[]) =>
  new Blob([Uint8Array.from(start), middle, Uint8Array.from(end)]);

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
