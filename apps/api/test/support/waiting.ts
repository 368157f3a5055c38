import { createJobChanges, type JobChanges } from "../../src/jobs/job-changes.ts";
import { until } from "./until.ts";

/** Counts the requests that are registered for changes of a job. */
export function countWaiting() {
  let waiting = 0;
  function createCountingChanges(...args: Parameters<typeof createJobChanges>): JobChanges {
    const changes = createJobChanges(...args);
    return Object.assign(Object.create(changes), {
      watch(id: string) {
        const watch = changes.watch(id);
        waiting++;
        const close = () => {
          waiting--;
          watch.close();
        };
        return { ...watch, close };
      },
    });
  }
  return {
    overrides: { createJobChanges: createCountingChanges },
    reaches: (count: number) => until(`${count} wait`, () => waiting === count),
  };
}
