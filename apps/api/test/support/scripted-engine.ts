import type { ErrorCode } from "@avatar/contract/errors";
import {
  type Engine,
  EngineError,
  type EngineRun,
  type RenderOptions,
  type RunUsage,
} from "../../src/engine/engine.ts";
import type { ObjectStore } from "../../src/storage/object-store.ts";
import { aVideo } from "../media/a-video.ts";

/** What the next run does. `hold` keeps it running until the returned function is called or it is stopped. */
export type Script =
  | "succeed"
  | { fail: ErrorCode }
  | { hold: Promise<void> }
  | { crash: string }
  /** Costs so many seconds, whatever comes of it. */
  | { bill: number; and: Script };

/** Dollars a second, of runs that cost anything. */
export const SCRIPTED_PRICE = 0.01;

export interface ScriptedEngine extends Engine {
  /** Runs take their scripts from here in order; without one they succeed at once. */
  scripts: Script[];
  /** Every run that was started, in order. */
  started: EngineRun[];
  /** Runs that were stopped. */
  stopped: string[];
  /** Runs that were rendered to the end. */
  completed: string[];
  /** What each run costs, if anything. */
  usageOf: ((run: EngineRun) => RunUsage | undefined) | undefined;
}

/** An engine that renders nothing, does what it is told and counts. */
export function createScriptedEngine(store: ObjectStore): ScriptedEngine {
  const engine: ScriptedEngine = {
    name: "scripted",
    isRemote: false,
    scripts: [],
    started: [],
    stopped: [],
    completed: [],
    usageOf: undefined,
    async render(run, options) {
      engine.started.push(run);
      const usage = engine.usageOf?.(run);
      if (usage) options.onUsage(usage);
      try {
        await play(engine.scripts.shift() ?? "succeed", options);
      } catch (error) {
        if (options.signal.aborted) engine.stopped.push(run.runId);
        throw error;
      }
      engine.completed.push(run.runId);
      const video = aVideo({ seconds: run.audioSeconds, note: `the video of ${run.jobId}` });
      await store.put(run.videoKey, toStream([video]), { contentType: "video/mp4" });
    },
    stop: async () => {},
  };
  return engine;
}

async function play(script: Script, options: RenderOptions): Promise<void> {
  const { signal, onProgress, onUsage } = options;
  signal.throwIfAborted();
  if (typeof script === "object" && "bill" in script) {
    onUsage({ billedSeconds: script.bill, pricePerSecond: SCRIPTED_PRICE });
    return play(script.and, options);
  }
  onProgress(0);
  if (script === "succeed") {
    onProgress(0.5);
    onProgress(1);
  } else if ("fail" in script) {
    throw new EngineError(script.fail, `Scripted: ${script.fail}.`);
  } else if ("crash" in script) {
    throw new Error(script.crash);
  } else {
    const stopped = new Promise<never>((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    await Promise.race([script.hold, stopped]);
  }
}

async function* toStream(chunks: Uint8Array[]) {
  yield* chunks;
}
