/** Steps smaller than this are not worth a write and a wake-up of every waiter. */
const STEP = 0.05;

/**
 * Writes progress one at a time: what comes in during a write is merged into the next.
 * A write that fails is skipped; the next one, or the outcome of the run, says more.
 */
export function createProgressWriter(store: (fraction: number) => Promise<void>) {
  let written = -1;
  let latest = 0;
  let writing: Promise<void> | undefined;

  async function drain(): Promise<void> {
    while (written < 0 || latest - written >= STEP) {
      written = latest;
      await store(written).catch(() => {}); // See above.
    }
  }

  return {
    write(fraction: number): void {
      latest = Math.min(1, Math.max(latest, fraction));
      writing ??= drain().finally(() => {
        writing = undefined;
      });
    },

    /** Resolves when no write is under way. */
    async settled(): Promise<void> {
      await writing;
    },
  };
}
