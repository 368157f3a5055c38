import { type ChildApi, ChildExited, startChildApi } from "./child-api.ts";
import type { ChildOptions } from "./child-main.ts";
import { freePort } from "./postgres-server.ts";
import type { Rest } from "./rest.ts";
import type { TestDatabase } from "./test-database.ts";

interface Options {
  database: TestDatabase;
  child?: ChildOptions;
  env?: Record<string, string>;
}

/** An API that is started again whenever it was killed, on the same address, as an orchestrator would do it. */
export async function createRestartingApi(options: Options) {
  const port = String(await freePort());
  let api: ChildApi | undefined;
  let kills = 0;

  /** @returns undefined where it was killed before it listened. */
  async function start(child = options.child): Promise<ChildApi | undefined> {
    try {
      api = await startChildApi({
        database: options.database,
        ...(child && { child }),
        env: { PORT: port, ...options.env },
      });
    } catch (error) {
      if (!(error instanceof ChildExited) || error.exit.signal !== "SIGKILL") throw error;
      kills++;
    }
    return api;
  }

  return {
    /** Where it listens, for those who call it. */
    host: `127.0.0.1:${port}`,
    start,
    get kills() {
      return kills;
    },

    /** What a careful client does: asks again, in the same words, until there is an answer. */
    async surely<T>(step: (rest: Rest) => Promise<T>): Promise<T> {
      for (;;) {
        const asked = api ?? (await start());
        if (!asked) continue;
        try {
          return await step(asked.rest);
        } catch (error) {
          if (!(error instanceof TypeError)) throw error; // fetch fails with a TypeError.
          await asked.exited;
          if (api !== asked) continue;
          api = undefined;
          kills++;
        }
      }
    },

    async kill(): Promise<void> {
      const killed = api;
      api = undefined;
      kills++;
      await killed?.kill();
    },

    async stop(): Promise<void> {
      await api?.terminate();
    },
  };
}
