import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { createLogger } from "../telemetry/logger.ts";
import { createLastUsed } from "./last-used.ts";

const NOW = new Date("2026-11-25T00:00:00Z");
beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp(touch = async (_ids: string[], _at: Date) => {}) {
  const touched = vi.fn(touch);
  return { touched, lastUsed: createLastUsed(touched, () => NOW, createLogger("silent")) };
}

test("uses are written twice a minute, all keys at once and each once", async () => {
  const { touched, lastUsed } = setUp();
  lastUsed.start();
  for (const id of ["key_1", "key_2", "key_1"]) lastUsed.note(id);
  await vi.advanceTimersByTimeAsync(29_999);
  expect(touched).not.toHaveBeenCalled();
  await vi.advanceTimersByTimeAsync(1);
  expect(touched.mock.calls).toEqual([[["key_1", "key_2"], NOW]]);
  await vi.advanceTimersByTimeAsync(30_000);
  expect(touched, "there was nothing new").toHaveBeenCalledTimes(1);
  await lastUsed.stop();
});

test("what was not written yet is written at the end", async () => {
  const { touched, lastUsed } = setUp();
  lastUsed.start();
  lastUsed.note("key_1");
  await lastUsed.stop();
  expect(touched.mock.calls).toEqual([[["key_1"], NOW]]);
  expect(vi.getTimerCount()).toBe(0);
});

test("a database that is away ends nothing", async () => {
  const { touched, lastUsed } = setUp(() => Promise.reject(new Error("away")));
  lastUsed.start();
  lastUsed.note("key_1");
  await vi.advanceTimersByTimeAsync(30_000);
  lastUsed.note("key_2");
  await lastUsed.stop();
  expect(touched).toHaveBeenCalledTimes(2);
});
