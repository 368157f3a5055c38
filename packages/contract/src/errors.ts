import { FILE_ERRORS } from "./file-errors.ts";
import { REQUEST_ERRORS } from "./request-errors.ts";
import { SERVICE_ERRORS } from "./service-errors.ts";

/** One row of the error catalogue. */
export interface ErrorRow {
  /** HTTP status. For a code that ends a job it is what `GET /v1/jobs/{id}/result` answers. */
  status: number;
  /** The same call may succeed later without a change. */
  retryable: boolean;
  title: string;
  /** What to do about it. */
  hint: string;
}

/** Every error that the API can answer. A code exists only as a row here and is never renamed. */
export const ERRORS = {
  ...REQUEST_ERRORS,
  ...FILE_ERRORS,
  ...SERVICE_ERRORS,
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

export const ERROR_CODES = Object.keys(ERRORS) as [ErrorCode, ...ErrorCode[]];

export const isErrorCode = (code: string): code is ErrorCode => Object.hasOwn(ERRORS, code);

/** The page about a code, on the API's own host. */
export const errorDocsPath = (code: ErrorCode) => `/docs/errors/${code}`;
