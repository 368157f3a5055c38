import { startApp } from "../../src/app.ts";
import { parseConfig } from "../../src/config.ts";
import type { DispatcherOptions } from "../../src/dispatch/dispatcher.ts";
import type { LoadLimits } from "../../src/http/shed-load.ts";
import type { ObjectStore } from "../../src/storage/object-store.ts";
import { type CrashOptions, withCrashPoints } from "./crash-points.ts";
import { promptedBy } from "./prompted-engine.ts";
import { createScriptedEngine, SCRIPTED_PRICE } from "./scripted-engine.ts";

/** What a test tells the API that it starts in a process of its own. */
export interface ChildOptions extends CrashOptions {
  /**
   * `hold`: runs never end. `fail first`: the first one fails for a passing reason. `runpod`: the real one, as the
   * environment has it. `prompted`: see `promptedBy`. Default: they succeed at once.
   */
  engine?: "hold" | "fail first" | "runpod" | "prompted" | "succeed";
  dispatcher?: Partial<DispatcherOptions>;
  /** In dollars; without it live keys render for free. */
  gpuPricePerSecond?: number;
  loadLimits?: Partial<LoadLimits>;
  /** How far its clock is ahead. */
  aheadMs?: number;
}

const never = new Promise<void>(() => {});

if (process.env.CHILD_OPTIONS) {
  const options: ChildOptions = JSON.parse(process.env.CHILD_OPTIONS);
  const crashPoints = options.crashAt || options.recordTo ? withCrashPoints(options) : undefined;
  const app = await startApp(parseConfig(process.env), {
    ...(crashPoints && { wrapStore: crashPoints.wrapStore }),
    ...(options.engine !== "runpod" && {
      createEngine(store: ObjectStore) {
        const engine = createScriptedEngine(store);
        if (options.engine === "hold") engine.scripts = Array(10_000).fill({ hold: never });
        if (options.engine === "fail first") engine.scripts = [{ fail: "render_failed" }];
        if (options.engine === "prompted") return promptedBy(engine);
        return crashPoints?.wrapEngine(engine) ?? engine;
      },
    }),
    ...(options.loadLimits && { loadLimits: options.loadLimits }),
    ...(options.engine === "prompted" && { gpuPricePerSecond: SCRIPTED_PRICE }),
    runpod: { pollMs: 200 },
    ...(options.gpuPricePerSecond !== undefined && { gpuPricePerSecond: options.gpuPricePerSecond }),
    now: () => new Date(Date.now() + (options.aheadMs ?? 0)),
    dispatcher: { pollMs: 100, leaseMs: 1000, ...options.dispatcher },
  });
  // No exit: a socket, timer or thread that is left open would keep the process alive.
  process.once("SIGTERM", () => void app.stop());
  console.log(`avatar is listening on ${app.url}`);
}
