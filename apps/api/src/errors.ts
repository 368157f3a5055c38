import { ERRORS, type ErrorCode } from "@avatar/contract/errors";
import type { Issue, LimitReached } from "@avatar/contract/types";

interface Options {
  /** What happened, in a sentence, for the customer. Default: the code's title. */
  detail?: string;
  issues?: Issue[];
  retryAfterMs?: number;
  limit?: LimitReached;
  /** A job failed with it: that it did is what was asked for. */
  isOfJob?: boolean;
  /** For the log only. */
  cause?: unknown;
}

/** The one error that reaches customers; everything else becomes `internal`. */
export class AppError extends Error {
  override readonly name = "AppError";
  readonly code: ErrorCode;
  readonly issues: Issue[] | undefined;
  readonly retryAfterMs: number | undefined;
  readonly limit: LimitReached | undefined;
  readonly isOfJob: boolean;

  constructor(code: ErrorCode, options: Options = {}) {
    super(options.detail ?? `${ERRORS[code].title}.`, { cause: options.cause });
    this.code = code;
    this.issues = options.issues;
    this.retryAfterMs = options.retryAfterMs;
    this.limit = options.limit;
    this.isOfJob = options.isOfJob ?? false;
  }
}
