import { expect, test } from "vitest";
import { Ledger } from "../src/ledger.ts";

test.each([
  [200, 1],
  [1000, 1],
  [1001, 2],
])("a worker that lived for %i ms is billed for %i s", (ms, seconds) => {
  let nowMs = 5300;
  const ledger = new Ledger(() => nowMs);
  const close = ledger.open("worker");
  nowMs += ms;
  close();
  nowMs += 60_000;
  close();
  expect(ledger.seconds).toBe(seconds);
  expect(ledger.bills).toEqual([{ workerId: "worker", wokeAtMs: 5300, stoppedAtMs: 5300 + ms }]);
});

test("each worker is rounded up for itself, and one that lives is billed so far", () => {
  let nowMs = 0;
  const ledger = new Ledger(() => nowMs);
  const closings = [ledger.open("first"), ledger.open("second")];
  nowMs = 200;
  for (const close of closings) close();
  expect(ledger.seconds).toBe(2);
  expect(ledger.isRunning).toBe(false);
  ledger.open("third");
  expect(ledger.isRunning).toBe(true);
  nowMs = 1300;
  expect(ledger.seconds).toBe(2 + 2);
  nowMs = 2300;
  expect(ledger.seconds).toBe(2 + 3);
});
