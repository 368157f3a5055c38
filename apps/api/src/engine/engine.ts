import type { ErrorCode } from "@avatar/contract/errors";
import type { Aspect, Fit, TestOutcome } from "@avatar/contract/types";

/** What we need of a place that renders. */
export interface Engine {
  readonly name: string;
  /**
   * Whether a run goes on when the process that follows it is gone. Then another process takes it up, by a call of
   * `render` for the same run; else it is lost.
   */
  readonly isRemote: boolean;
  /**
   * Renders one run and puts the video at `run.videoKey`, where it is checked: nobody has to take the engine's word for it.
   * @throws EngineError; after an abort of one of its signals, anything.
   */
  render(run: EngineRun, options: RenderOptions): Promise<void>;
  /** Something may have happened to the run: a remote engine asks. */
  look?(runId: string): void;
  stop(): Promise<void>;
}

export interface EngineRun {
  runId: string;
  jobId: string;
  /** Of the request that made the job; undefined for a job of an older version. */
  requestId: string | undefined;
  image: EngineInput;
  audio: EngineInput;
  videoKey: string;
  /** Where a remote worker says that it has taken the run. */
  claimKey: string;
  audioSeconds: number;
  aspect: Aspect;
  fit: Fit;
  prompt: string | undefined;
  seed: number;
  /** What shall come of it, where a test key says so. */
  test: TestOutcome | undefined;
  /** When the run must have begun to render. */
  startBy: Date;
  /** How long it may render. */
  timeoutMs: number;
  /** How long what a remote worker needs of the store may live. */
  linksUntil: Date;
  /** Set where the run was followed before, and nobody knows how far that got. */
  resumed: { externalId: string | null; begunAt: Date | null } | undefined;
}

export interface EngineInput {
  key: string;
  bytes: number;
  /** Hex; undefined where the customer gave none. */
  sha256: string | undefined;
  contentType: string;
}

export interface RenderOptions {
  /** Stops the render; nothing of it goes on afterwards. Where it is aborted from the start, that is all there is to do. */
  signal: AbortSignal;
  /** Only stops following a remote run. */
  letGo: AbortSignal;
  /** 0 to 1, never falling. The first call says that the render has begun. */
  onProgress: (fraction: number) => void;
  /** A worker is waking, or loads its models. */
  onCold: () => void;
  /** A remote worker works on the run, though it may load its models yet. */
  onBegun: () => void;
  /** Stores the engine's own name of the run; done when it resolves. */
  onSubmitted: (externalId: string) => Promise<void>;
  /** What the run has cost, if anything. */
  onUsage: (usage: RunUsage) => void;
}

export interface RunUsage {
  /** Whole seconds. */
  billedSeconds: number;
  /** Of the GPU type that it ran on, in dollars a second. */
  pricePerSecond: number;
}

/** The run was not begun, as others came first; it is not the run's fault, and nothing of it goes on. */
export class EngineBusy extends Error {
  override readonly name = "EngineBusy";
}

/** The run failed. Codes whose row is `retryable` are tried again in a new run, unless it is final. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: ErrorCode;
  /** No other run would do better. */
  readonly isFinal: boolean;

  /** @param detail what happened, in a sentence, for the customer. */
  constructor(
    code: ErrorCode,
    detail: string,
    { isFinal = false, ...options }: ErrorOptions & { isFinal?: boolean } = {},
  ) {
    super(detail, options);
    this.code = code;
    this.isFinal = isFinal;
  }
}
