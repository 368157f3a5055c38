import { createJobChanges, type JobChanges } from "../../src/jobs/job-changes.ts";
import { until } from "./until.ts";

/** Counts the requests that have read their job and wait for it to change. */
export function countWaiting() {
  let waiting = 0;
  function createCountingChanges(...args: Parameters<typeof createJobChanges>): JobChanges {
    const changes = createJobChanges(...args);
    return Object.assign(Object.create(changes), {
      watch(id: string) {
        const watch = changes.watch(id);
        async function changed(...args: Parameters<typeof watch.changed>): Promise<void> {
          waiting++;
          await watch.changed(...args);
          waiting--;
        }
        return { ...watch, changed };
      },
    });
  }
  return {
    overrides: { createJobChanges: createCountingChanges },
    reaches: (count: number) => until(`${count} wait`, () => waiting === count),
  };
}
