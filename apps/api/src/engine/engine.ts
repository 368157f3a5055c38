import type { ErrorCode } from "@avatar/contract/errors";
import type { Aspect, Fit } from "@avatar/contract/types";

/** What we need of a place that renders. */
export interface Engine {
  readonly name: string;
  /**
   * Renders one run and puts the video at `run.videoKey`, where it is checked: nobody has to take the engine's word for it.
   * @throws EngineError; after an abort of `signal`, anything.
   */
  render(run: EngineRun, options: RenderOptions): Promise<void>;
  stop(): Promise<void>;
}

export interface EngineRun {
  runId: string;
  jobId: string;
  imageKey: string;
  audioKey: string;
  videoKey: string;
  audioSeconds: number;
  aspect: Aspect;
  fit: Fit;
  prompt: string | undefined;
  seed: number;
}

export interface RenderOptions {
  /** Stops the render; nothing of it goes on afterwards. */
  signal: AbortSignal;
  /** 0 to 1, never falling. The first call says that the render has begun. */
  onProgress: (fraction: number) => void;
}

/** The run failed. Codes whose row is `retryable` are tried again in a new run. */
export class EngineError extends Error {
  override readonly name = "EngineError";
  readonly code: ErrorCode;

  /** @param detail what happened, in a sentence, for the customer. */
  constructor(code: ErrorCode, detail: string, options?: ErrorOptions) {
    super(detail, options);
    this.code = code;
  }
}
