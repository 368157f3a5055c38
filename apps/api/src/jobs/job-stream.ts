import type { Job } from "@avatar/contract/types";
import { isDatabaseUnavailable } from "../db/unavailable.ts";
import type { JobChanges } from "./job-changes.ts";
import { isFinal } from "./job-lifecycle.ts";
import type { JobRow } from "./job-repository.ts";

interface Options {
  id: string;
  find: () => Promise<JobRow>;
  inView: (row: JobRow) => Promise<Job>;
  changes: Pick<JobChanges, "watch" | "isStopping">;
  after: number;
  signal: AbortSignal | undefined;
}

/** A slow reader gets the latest state, not each one in between: the job is read when the next state is asked for. */
export async function* streamJob(options: Options): AsyncGenerator<Job, void> {
  const { id, find, inView, changes, after, signal } = options;
  let seen = after;
  const read = async () => {
    const row = await find();
    // A reader may claim to know a version that is still to come. The last state is told to that one as well.
    const isNew = row.version > seen || (isFinal(row.status) && row.version !== seen);
    return { row, job: isNew ? await inView(row) : undefined };
  };
  const watch = changes.watch(id);
  try {
    for (let isFirst = true; ; isFirst = false) {
      const state = await read().catch((error: unknown) => {
        // Later on, an outage is sat out: most clients that lose their stream are not let in again meanwhile.
        if (isFirst || !isDatabaseUnavailable(error)) throw error;
      });
      if (state?.job) {
        yield state.job;
        seen = state.row.version;
      }
      if (state && isFinal(state.row.status)) return;
      await watch.changed(Number.POSITIVE_INFINITY, signal);
      if (signal?.aborted || changes.isStopping) return;
    }
  } finally {
    watch.close();
  }
}
