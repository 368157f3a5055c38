import type { Engine } from "../../src/engine/engine.ts";
import type { Script, ScriptedEngine } from "./scripted-engine.ts";

const never = new Promise<void>(() => {});

/**
 * Takes the scripts of a job's runs in this process from its prompt; the last one is repeated. For engines in processes
 * of their own, where nobody knows which job comes when.
 */
export function promptedBy(engine: ScriptedEngine): Engine {
  const runs = new Map<string, number>();
  return {
    ...engine,
    render(run, options) {
      const scripts: Script[] = JSON.parse(run.prompt ?? "[]", (name, value) =>
        name === "hold" ? never : value,
      );
      const earlier = runs.get(run.jobId) ?? 0;
      runs.set(run.jobId, earlier + 1);
      engine.scripts = [scripts[earlier] ?? scripts.at(-1) ?? "succeed"];
      return engine.render(run, options); // It takes its script before anything else can happen.
    },
  };
}
