import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { systemClock } from "./retry.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test("a pause lasts as long as asked, and leaves no listener", async () => {
  const { signal } = new AbortController();
  const remove = vi.spyOn(signal, "removeEventListener");
  const startedAt = systemClock.now();
  const pause = systemClock.sleep(4000, signal);
  await vi.advanceTimersByTimeAsync(4000);
  await pause;
  expect(systemClock.now() - startedAt).toBe(4000);
  expect(remove).toHaveBeenCalledOnce();
});

test("an abort ends a pause with its reason, and leaves no timer", async () => {
  const controller = new AbortController();
  const pause = systemClock.sleep(4000, controller.signal);
  controller.abort("enough");
  await expect(pause).rejects.toBe("enough");
  expect(vi.getTimerCount()).toBe(0);
});

// What is told of a retry may abort the call; the time of these tests is not real.
test("no pause begins after an abort", async () => {
  await expect(systemClock.sleep(4000, AbortSignal.abort("enough"))).rejects.toBe("enough");
  expect(vi.getTimerCount()).toBe(0);
});

test("a pause longer than a timer can be is not over at once", async () => {
  let isOver = false;
  // Not awaited: it is over in 24 days.
  void systemClock.sleep(2 ** 31, new AbortController().signal).then(() => (isOver = true));
  await vi.advanceTimersByTimeAsync(1000);
  expect(isOver).toBe(false);
});
