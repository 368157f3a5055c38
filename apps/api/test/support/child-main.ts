import { startApp } from "../../src/app.ts";
import { parseConfig } from "../../src/config.ts";
import type { DispatcherOptions } from "../../src/dispatch/dispatcher.ts";
import { createScriptedEngine } from "./scripted-engine.ts";

/** What a test tells the API that it starts in a process of its own. */
export interface ChildOptions {
  /** `hold`: runs never end. Default: they succeed at once. */
  engine?: "hold" | "succeed";
  dispatcher?: Partial<DispatcherOptions>;
}

if (process.env.CHILD_OPTIONS) {
  const options: ChildOptions = JSON.parse(process.env.CHILD_OPTIONS);
  const app = await startApp(parseConfig(process.env), {
    createEngine(store) {
      const engine = createScriptedEngine(store);
      if (options.engine === "hold") engine.scripts = Array(1000).fill({ hold: new Promise(() => {}) });
      return engine;
    },
    dispatcher: { pollMs: 100, leaseMs: 1000, ...options.dispatcher },
  });
  process.once("SIGTERM", () => app.stop().then(() => process.exit(0)));
  console.log(`avatar is listening on ${app.url}`);
}
