import { expect, test } from "vitest";
import { createMetrics } from "./metrics.ts";

test("how workers were a minute ago is not told as if they still were", async () => {
  let nowMs = 0;
  const metrics = createMetrics(() => nowMs);
  const isTold = async () => (await metrics.render()).includes('avatar_engine_workers{state="throttled"} 3');
  expect(await isTold()).toBe(false);
  metrics.setWorkers({ throttled: 3 });
  nowMs = 60_000;
  expect(await isTold()).toBe(true);
  nowMs = 60_001;
  expect(await isTold()).toBe(false);
});
