import { createJobChanges, type JobChanges } from "../../src/jobs/job-changes.ts";
import { until } from "./until.ts";

/** Counts the requests that have read their job and wait for it to change, and all that watch one. */
export function countWaiting() {
  let waiting = 0;
  let watching = 0;
  let begun = 0;
  function createCountingChanges(...args: Parameters<typeof createJobChanges>): JobChanges {
    const changes = createJobChanges(...args);
    return Object.assign(Object.create(changes), {
      watch(id: string) {
        const watch = changes.watch(id);
        watching++;
        begun++;
        async function changed(...args: Parameters<typeof watch.changed>): Promise<void> {
          waiting++;
          await watch.changed(...args);
          waiting--;
        }
        function close(): void {
          watching--;
          watch.close();
        }
        return { ...watch, changed, close };
      },
    });
  }
  return {
    overrides: { createJobChanges: createCountingChanges },
    reaches: (count: number) => until(`${count} wait`, () => waiting === count),
    /** How often a job began to be watched. */
    get begun() {
      return begun;
    },
    /** Nobody watches, waiting or not. */
    isOver: () => until("nobody watches", () => watching === 0),
  };
}
