import { expect, test } from "vitest";
import { createRateLimits, RATE_LIMITS } from "../src/rate-limits.ts";
import { startStill } from "./start.ts";

test.each([
  ["run", 1000],
  ["status", 2000],
  ["cancel", 100],
] as const)("in any ten seconds, %s may be asked for %i times", (operation, limit) => {
  let nowMs = 0;
  const isWithinRate = createRateLimits(RATE_LIMITS, () => nowMs);
  const allowed = () => {
    let count = 0;
    while (count <= limit && isWithinRate(operation)) count++;
    return count;
  };
  expect(allowed()).toBe(limit);
  nowMs = 9999;
  expect(allowed()).toBe(0);
  nowMs = 10_000;
  expect(allowed()).toBe(limit);
});

test("RunPod's rates are those of the stand-in, each for itself", async () => {
  const { call, pass } = await startStill();
  const cancel = async () => (await call("POST", "cancel/none")).status;
  const statuses = [];
  for (let count = 0; count < 101; count++) statuses.push(await cancel());
  expect(statuses).toEqual([...Array(100).fill(404), 429]);
  expect((await call("GET", "status/none")).status).toBe(404);
  await pass(10_000);
  expect(await cancel()).toBe(404);
});
