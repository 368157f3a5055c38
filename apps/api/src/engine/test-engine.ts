import { setTimeout as delay } from "node:timers/promises";
import { ERRORS } from "@avatar/contract/errors";
import { type Engine, EngineError, type EngineRun, type RenderOptions } from "./engine.ts";

/**
 * Renders the jobs of test keys on `inner`, and lets come of them what they ask for. Any number of runs may be at hand;
 * only one of them renders at a time, so that slow ones hold nobody up and none needs much memory.
 */
export function createTestEngine(inner: Engine): Engine {
  let rendering: Promise<unknown> = Promise.resolve();

  async function renderInTurn(run: EngineRun, options: RenderOptions): Promise<void> {
    const before = rendering;
    const { promise, resolve } = Promise.withResolvers<void>();
    rendering = promise;
    try {
      await orAborted(before, options.signal);
      await inner.render(run, options);
    } finally {
      // Who leaves the line lets nobody past the one that renders.
      before.then(() => resolve());
    }
  }

  return {
    name: inner.name,
    isRemote: false,
    async render(run, options) {
      const { failWith, renderSeconds = 0 } = run.test ?? {};
      const slowly = spread(renderSeconds, options);
      await slowly.passed;
      await renderInTurn(run, { ...options, onProgress: slowly.onProgress });
      // As late as a real failure: what the customer's program shows until then is to be seen as well.
      if (failWith)
        throw new EngineError(failWith, `${ERRORS[failWith].title}, as the request asked.`, {
          isFinal: true,
        });
    },
    stop: async () => {},
  };
}

function orAborted(promise: Promise<unknown>, signal: AbortSignal): Promise<unknown> {
  const aborted = Promise.withResolvers<never>();
  const stop = () => aborted.reject(signal.reason);
  signal.addEventListener("abort", stop);
  if (signal.aborted) stop();
  return Promise.race([promise, aborted.promise]).finally(() => signal.removeEventListener("abort", stop));
}

const STEPS = 20;

/** Lets `seconds` pass, with progress up to a half, before the progress of the render. */
function spread(seconds: number, { signal, onProgress }: RenderOptions) {
  if (seconds === 0) return { passed: Promise.resolve(), onProgress };
  async function pass(): Promise<void> {
    for (let step = 0; step < STEPS; step++) {
      onProgress(step / STEPS / 2);
      await delay((seconds * 1000) / STEPS, undefined, { signal });
    }
  }
  return { passed: pass(), onProgress: (fraction: number) => onProgress(0.5 + fraction / 2) };
}
