import { expect, test } from "vitest";
import type { Engine, EngineRun, RenderOptions } from "./engine.ts";
import { createTestEngine } from "./test-engine.ts";

const aRun = {} as EngineRun;
const options = (signal = new AbortController().signal) =>
  ({ signal, onProgress() {} }) as unknown as RenderOptions;

test("a run that is canceled leaves the line at once, and lets nobody past the one that renders", async () => {
  const ends: (() => void)[] = [];
  const inner = {
    name: "inner",
    isRemote: false,
    render: () => new Promise<void>((resolve) => ends.push(resolve)),
    stop: async () => {},
  } satisfies Engine;
  const engine = createTestEngine(inner);
  const first = engine.render(aRun, options());
  const abort = new AbortController();
  const second = engine.render(aRun, options(abort.signal));
  const third = engine.render(aRun, options());

  abort.abort(new Error("canceled"));
  await expect(second).rejects.toThrow("canceled");
  expect(ends).toHaveLength(1);
  ends[0]?.();
  await first;
  await expect.poll(() => ends.length).toBe(2);
  ends[1]?.();
  await third;
});
