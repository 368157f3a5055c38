import type { Logger } from "../telemetry/logger.ts";

const FLUSH_MS = 30_000;

/** When keys were last used, written now and then for all of them at once: nothing is written on a request's way. */
export function createLastUsed(
  touch: (ids: string[], at: Date) => Promise<void>,
  now: () => Date,
  log: Logger,
) {
  const used = new Set<string>();
  let timer: NodeJS.Timeout | undefined;

  async function flush(): Promise<void> {
    const ids = [...used];
    used.clear();
    if (ids.length === 0) return;
    await touch(ids, now()).catch((error: unknown) => {
      log.warn({ err: error }, "when keys were last used was not stored");
    });
  }

  return {
    note: (id: string) => void used.add(id),
    start(): void {
      timer = setInterval(() => void flush(), FLUSH_MS);
    },
    async stop(): Promise<void> {
      clearInterval(timer);
      await flush();
    },
  };
}
