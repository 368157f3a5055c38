import type { ErrorCode as ApiErrorCode } from "@avatar/contract/errors";
import type { CanceledJob, FailedJob, Issue } from "@avatar/contract/types";
import { defined } from "./fields.ts";

/**
 * Codes of errors that arise on your side of the wire.
 *
 * @example
 * const isOffline = (code: ErrorCode) => code === ("connection" satisfies LocalErrorCode);
 */
export type LocalErrorCode =
  | "aborted"
  | "connection"
  | "download_mismatch"
  | "file_not_found"
  | "live_key_in_browser"
  | "timeout"
  | "unexpected"
  | "unexpected_response";

/**
 * What went wrong. The API may gain codes at any time, so a code that this version does not know is a plain string.
 *
 * @example
 * const messages: Partial<Record<ErrorCode, string>> = { no_face: "Please choose a photo of one person." };
 */
export type ErrorCode = ApiErrorCode | LocalErrorCode | (string & {});

/**
 * What an {@link AvatarError} is made of.
 *
 * @example
 * throw new AvatarError({ code: "no_face", detail: "No face was found." } satisfies ErrorFacts);
 */
export interface ErrorFacts {
  code: ErrorCode;
  detail: string;
  hint?: string | undefined;
  docs?: string | undefined;
  status?: number | undefined;
  requestId?: string | undefined;
  jobId?: string | undefined;
  issues?: readonly Issue[] | undefined;
  retryable?: boolean | undefined;
  retryAfterMs?: number | undefined;
  cause?: unknown;
}

const joined = (between: string, ...texts: (string | undefined)[]) => texts.filter(Boolean).join(between);

/** A registered symbol, so that two copies of this package recognise each other's errors. */
const BRAND = Symbol.for("@avatar/client/error");

/**
 * Every error of the API and of this package. Branch on `code`; the message is written for people.
 *
 * @example
 * try {
 *   await avatar.generate({ image, audio });
 * } catch (error) {
 *   if (AvatarError.is(error, "no_face")) askForAnotherPhoto(error.hint);
 *   else throw error;
 * }
 */
export class AvatarError extends Error {
  override readonly name: string = "AvatarError";
  declare readonly code: ErrorCode;
  /** What happened, in a sentence. */
  declare readonly detail: string;
  /** What to do about it. */
  declare readonly hint?: string;
  /** Address of the page about this code. */
  declare readonly docs?: string;
  /** HTTP status, where the API answered. */
  declare readonly status?: number;
  /** Quote it when you report a problem. */
  declare readonly requestId?: string;
  /** The job in question; `resume(jobId)` picks it up again. */
  declare readonly jobId?: string;
  /** The fields that the API did not accept. */
  declare readonly issues: readonly Issue[];
  /** The same call may succeed later without a change. */
  declare readonly retryable: boolean;
  /** How long the API asked to wait. */
  declare readonly retryAfterMs?: number;
  /** How often the request was sent. */
  declare readonly attempts: number;

  constructor({ cause, ...facts }: ErrorFacts) {
    const { code, detail, hint, requestId } = facts;
    const origin = joined(", ", code, requestId);
    super(joined(" ", detail, hint, `(${origin})`), cause === undefined ? {} : { cause });
    Object.assign(this, { issues: [], retryable: false, attempts: 0 }, defined(facts));
  }

  get [BRAND](): true {
    return true;
  }

  /** Like `instanceof`, but also true for errors from another copy of this package; with `code`, only for that code. */
  static is<C extends ErrorCode>(error: unknown, code?: C): error is AvatarError & { readonly code: C } {
    const ours = error as AvatarError | null | undefined;
    return ours?.[BRAND] === true && (code === undefined || ours.code === code);
  }

  /** Everything but the cause and the stack. No field ever holds a key or a signed link. */
  toJSON(): object {
    return { ...this, message: this.message };
  }
}

/**
 * The API answered with an error.
 *
 * @example
 * if (error instanceof ApiError) console.log(error.status, error.requestId, error.issues);
 */
export class ApiError extends AvatarError {
  override readonly name = "ApiError";
  declare readonly status: number;
}

/**
 * The API could not be reached, or the connection broke.
 *
 * @example
 * if (error instanceof ConnectionError) console.log(`gave up after ${error.attempts} tries`);
 */
export class ConnectionError extends AvatarError {
  override readonly name = "ConnectionError";
}

/**
 * `timeoutMs` has passed, or the API has not answered a request in time.
 *
 * @example
 * if (error instanceof TimeoutError && error.jobId) await avatar.resume(error.jobId);
 */
export class TimeoutError extends AvatarError {
  override readonly name = "TimeoutError";

  constructor(timeoutMs: number) {
    super({ code: "timeout", detail: `Not done within ${timeoutMs / 1000} s.`, retryable: true });
  }
}

/**
 * Your `signal` was aborted, or the scope of an `await using` was left.
 *
 * @example
 * if (error instanceof AbortedError) return;
 */
export class AbortedError extends AvatarError {
  override readonly name = "AbortedError";

  constructor(cause?: unknown) {
    super({ code: "aborted", detail: "The call was aborted.", cause });
  }
}

/**
 * The job ended without a video; `code`, `detail` and `hint` say why.
 *
 * @example
 * if (error instanceof JobFailedError) console.log(error.job.finishedAt, error.code);
 */
export class JobFailedError extends AvatarError {
  override readonly name = "JobFailedError";
  readonly job: FailedJob;

  constructor(job: FailedJob) {
    super({ ...job.error, jobId: job.id });
    this.job = job;
  }
}

/**
 * The job was canceled, by this program or by another one.
 *
 * @example
 * if (error instanceof JobCanceledError) console.log(error.job.finishedAt);
 */
export class JobCanceledError extends AvatarError {
  override readonly name = "JobCanceledError";
  readonly job: CanceledJob;

  constructor(job: CanceledJob) {
    super({ code: "job_canceled", detail: "The job was canceled.", jobId: job.id });
    this.job = job;
  }
}

/** Errors of other people's code (a callback, a stream, a key function) keep their text and become the cause. */
export function asAvatarError(thrown: unknown): AvatarError {
  if (AvatarError.is(thrown)) return thrown;
  const detail = thrown instanceof Error ? thrown.message : String(thrown);
  return new AvatarError({ code: "unexpected", detail, cause: thrown });
}

/** Facts that are known only where the error passes through, not where it is made. */
export function addFacts<E extends AvatarError>(
  error: E,
  facts: Partial<ErrorFacts> & { attempts?: number },
): E {
  return Object.assign(error, facts);
}
