import { setTimeout as delay } from "node:timers/promises";

/** Waits until `look` finds something, and returns it. The deadline is for tests that would fail anyway. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  withinMs = 25_000,
): Promise<Truthy<T>> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const found = await look();
    if (found) return found as Truthy<T>;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${withinMs / 1000} s`);
    await delay(10);
  }
}

type Truthy<T> = Exclude<T, false | null | undefined>;
