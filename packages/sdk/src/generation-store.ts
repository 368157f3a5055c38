import type {
  Avatar,
  AvatarError,
  GenerateInput,
  GenerateOptions,
  Generation,
  Job,
  QueuedJob,
  ResumeOptions,
  RunningJob,
  StartingJob,
  UploadProgress,
  Video,
} from "./index.ts";

interface Fields {
  upload: unknown;
  job: unknown;
  video: unknown;
  url: unknown;
  error: unknown;
}
/** The other fields are there, too, so that they can be asked for before it is known which state it is. */
type Only<State> = State & { [Field in Exclude<keyof Fields, keyof State>]?: undefined };

/**
 * How a generation is; `status` tells which fields there are. While it is `preparing`, its files go up, or the job that is
 * resumed is looked up. `upload` counts the bytes of both files, in few steps: see `UploadProgress`.
 *
 * @example
 * function labelOf(state: GenerationState): string {
 *   if (state.status === "queued") return `number ${state.job.position} in the queue`;
 *   return state.status === "failed" ? state.error.message : state.status;
 * }
 */
export type GenerationState =
  | Only<{ status: "idle" }>
  | Only<{ status: "preparing"; upload: { loaded: number; total: number } }>
  | Only<{ status: "queued"; job: QueuedJob }>
  | Only<{ status: "starting"; job: StartingJob }>
  | Only<{ status: "running"; job: RunningJob }>
  | Only<{ status: "succeeded"; job: Job | undefined; video: Video; url: string }>
  | Only<{ status: "failed"; job: Job | undefined; error: AvatarError }>
  | Only<{ status: "canceled"; job: Job | undefined }>;

/**
 * What can be done. All of it may be called at any time, and nothing throws: errors come as state.
 *
 * @example
 * const { start, cancel }: GenerationActions = useGeneration(avatar);
 */
export interface GenerationActions {
  /** Takes the place of the generation before. The state tells all; what is returned is for those who want to await it. */
  start(input: GenerateInput, options?: Omit<GenerateOptions, "signal">): Generation;
  /** Goes on with a job that exists, for example after a reload. If it is the one at hand, nothing changes. */
  resume(id: string, options?: Omit<ResumeOptions, "signal">): Generation;
  /** Stops the job on the server, whatever `onAbort` says. */
  cancel(): void;
  /** Back to `idle`. What is under way is treated as if its page were left. */
  reset(): void;
}

interface Settings {
  avatar: Pick<Avatar, "generate" | "resume">;
  onAbort: ResumeOptions["onAbort"];
}

interface Run {
  generation: Generation;
  /** Of its job, once there is one. */
  id: string | undefined;
  onAbort: ResumeOptions["onAbort"];
  /** Ends the wait; what becomes of the job is up to `onAbort`. */
  leave(): void;
}

export const isPending = ({ status }: GenerationState): boolean =>
  status === "preparing" || status === "queued" || status === "starting" || status === "running";

const IDLE: GenerationState = { status: "idle" };

/** Shows one generation at a time. What an earlier one still has to say is not heard. */
export function createGenerationStore(settings: Settings) {
  let state = IDLE;
  let shown: Run | undefined;
  let isMounted = false;
  const listeners = new Set<() => void>();

  function show(next: GenerationState): void {
    state = next;
    for (const listener of listeners) listener();
  }

  function leave(): void {
    const left = shown;
    shown = undefined;
    left?.leave();
  }

  /** Strict mode unmounts and mounts again at once. */
  const leaveIfUnmounted = () =>
    queueMicrotask(() => {
      if (!isMounted) shown?.leave();
    });

  function follow(
    { onUpdate, onUpload, onAbort = settings.onAbort, ...options }: Omit<GenerateOptions, "signal">,
    open: (options: GenerateOptions) => Generation,
    id?: string,
  ): Generation {
    leave();
    const controller = new AbortController();
    const uploads: Partial<Record<UploadProgress["input"], UploadProgress>> = {};
    const tell = (next: GenerationState) => {
      if (shown === run) show(next);
    };
    const generation = open({
      ...options,
      onAbort,
      signal: controller.signal,
      onUpload(progress) {
        uploads[progress.input] = progress;
        tell({ status: "preparing", upload: sumOf(Object.values(uploads)) });
        return onUpload?.(progress);
      },
      onUpdate(job) {
        run.id = job.id;
        const next = beganOf(job);
        if (next) tell(next);
        return onUpdate?.(job);
      },
    });
    const run: Run = { generation, id, onAbort, leave: () => controller.abort() };
    shown = run;
    show({ status: "preparing", upload: sumOf([]) });
    void endOf(run, controller.signal).then(tell);
    leaveIfUnmounted();
    return generation;
  }

  const actions: GenerationActions = {
    start: (input, options = {}) => follow(options, (bound) => settings.avatar.generate(input, bound)),
    resume(id, options = {}) {
      // Strict mode runs effects twice, and the second must not end what the first began.
      const isAtHand = shown?.id === id && (isPending(state) || state.status === "succeeded");
      if (shown && isAtHand) return shown.generation;
      return follow(options, (bound) => settings.avatar.resume(id, bound), id);
    },
    cancel() {
      const run = shown;
      if (!run || !isPending(state)) return;
      shown = undefined;
      const canceled: GenerationState = { status: "canceled", job: state.job };
      show(canceled);
      run.generation.cancel().catch((error: AvatarError) => {
        run.leave();
        // Where there was no job yet, there is nothing left to stop.
        if (run.id && state === canceled) show({ status: "failed", job: canceled.job, error });
      });
    },
    reset() {
      leave();
      show(IDLE);
    },
  };

  return {
    actions,
    getState: () => state,
    use(latest: Settings): void {
      Object.assign(settings, latest);
    },
    subscribe(listener: () => void) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    mount() {
      isMounted = true;
      // A page that comes back from the browser's cache goes on by itself.
      const onPageHide = () => {
        if (shown?.onAbort !== "leave") shown?.leave();
      };
      const page = globalThis as Partial<Pick<EventTarget, "addEventListener" | "removeEventListener">>;
      page.addEventListener?.("pagehide", onPageHide);
      return () => {
        page.removeEventListener?.("pagehide", onPageHide);
        isMounted = false;
        leaveIfUnmounted();
      };
    },
  };
}

function sumOf(uploads: readonly UploadProgress[]) {
  const sum = (field: "loaded" | "total") => uploads.reduce((bytes, each) => bytes + each[field], 0);
  return { loaded: sum("loaded"), total: sum("total") };
}

/** Of a job that is over, the end is told once all of it is known. */
function beganOf(job: Job): GenerationState | undefined {
  switch (job.status) {
    case "queued":
      return { status: job.status, job };
    case "starting":
      return { status: job.status, job };
    case "running":
      return { status: job.status, job };
  }
}

async function endOf({ generation, onAbort }: Run, signal: AbortSignal): Promise<GenerationState> {
  try {
    const video = await generation;
    const url = await video.url({ signal });
    return { status: "succeeded", job: generation.job, video, url };
  } catch (thrown) {
    const { job } = generation;
    const error = thrown as AvatarError;
    if (error.code === "aborted" && onAbort === "leave") return IDLE;
    if (error.code === "aborted" || error.code === "job_canceled") return { status: "canceled", job };
    return { status: "failed", job, error };
  }
}
