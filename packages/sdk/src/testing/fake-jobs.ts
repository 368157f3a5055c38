import { LIMITS } from "@avatar/contract/limits";
import type { CreateJobInput, Job } from "@avatar/contract/types";
import type { FakeClock } from "./clock.ts";
import { isFinal, type JobFacts, type JobState, type Script, toJob, toStates } from "./job-states.ts";
import { refuse, toIso } from "./wire.ts";

interface Entry {
  facts: JobFacts;
  /** Uploads and URLs. */
  files: string[];
  job: Job;
  /** Still to come. */
  states: JobState[];
  /** Called when it changes. */
  waiting: Set<() => void>;
}

/** Jobs that go through their scripts, each look one state on. */
export function createFakeJobs(clock: FakeClock) {
  const entries = new Map<string, Entry>();

  function entryOf(id: string): Entry {
    const entry = entries.get(id);
    if (!entry) throw refuse("job_not_found");
    const { job } = entry;
    if (job.status === "succeeded" && clock.now() >= Date.parse(job.video.expiresAt))
      show(entry, { status: "expired" });
    return entry;
  }

  function show(entry: Entry, state: JobState): Job {
    entry.job = toJob(entry.facts, state, clock.now(), entry.job);
    for (const wake of entry.waiting) wake();
    return entry.job;
  }

  function move(id: string, state: JobState): Job {
    const entry = entryOf(id);
    entry.states = [];
    return show(entry, state);
  }

  const jobs = {
    all: (): Job[] => [...entries.keys()].map((id) => entryOf(id).job),
    has: (id: string): boolean => entries.has(id),
    get: (id: string): Job => entryOf(id).job,
    move,

    create(input: CreateJobInput, script: Script | undefined): Job {
      const now = clock.now();
      const { aspect = "auto", fit = "crop", prompt, seed = 7, metadata = {} } = input;
      const { ttlSeconds = LIMITS.videoTtlSeconds.default } = input;
      const id = `job_${entries.size + 1}`;
      const facts = {
        ...{ id, createdAt: toIso(now), aspect, fit, seed, metadata, ttlSeconds },
        ...(prompt !== undefined && { prompt }),
      };
      const [first = { status: "queued" } as const, ...states] = toStates(script);
      const job = toJob(facts, first, now);
      entries.set(id, { facts, files: [input.image, input.audio], job, states, waiting: new Set() });
      return job;
    },

    /** The next state of the job; where there is none, with `wait`, the one that a test moves it to. */
    async look(id: string, wait: boolean, after?: number, signal?: AbortSignal): Promise<Job> {
      const entry = entryOf(id);
      if (isFinal(entry.job) || entry.job.version > (after ?? entry.job.version)) return entry.job;
      const next = entry.states.shift();
      if (next) return show(entry, next);
      if (wait) await changed(entry, signal);
      return entry.job;
    },

    cancel: (id: string): Job => (isFinal(jobs.get(id)) ? jobs.get(id) : move(id, { status: "canceled" })),

    delete(id: string): Job {
      const job = jobs.cancel(id);
      return job.status === "succeeded" ? move(id, { status: "expired" }) : job;
    },

    /** What came for the job and no unfinished one needs. */
    filesOf(id: string): string[] {
      const unfinished = [...entries.values()].filter(({ job }) => !isFinal(job));
      return entryOf(id).files.filter((file) => !unfinished.some(({ files }) => files.includes(file)));
    },
  };
  return jobs;
}

const changed = ({ waiting }: Entry, signal: AbortSignal | undefined) =>
  new Promise<void>((resolve, reject) => {
    const stop = () => {
      waiting.delete(wake);
      reject(signal?.reason);
    };
    const wake = () => {
      waiting.delete(wake);
      signal?.removeEventListener("abort", stop);
      resolve();
    };
    waiting.add(wake);
    signal?.addEventListener("abort", stop, { once: true });
  });
