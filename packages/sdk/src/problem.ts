import { ERRORS, type ErrorCode, errorDocsPath } from "@avatar/contract/errors";
import type { JobError, Problem } from "@avatar/contract/types";

type Facts = Partial<Pick<Problem, "detail" | "hint" | "issues" | "retryAfterMs">>;

/** Thrown within what answers requests, and becomes the answer. */
export class Refusal {
  readonly code: ErrorCode;
  readonly facts: Facts;
  readonly headers: Record<string, string>;

  constructor(code: ErrorCode, facts: Facts = {}, headers: Record<string, string> = {}) {
    this.code = code;
    this.facts = facts;
    this.headers = headers;
  }
}

/** Why a job failed, as the job tells it. */
export function jobErrorOf(code: ErrorCode, detail = `${ERRORS[code].title}.`): JobError {
  const { hint, retryable } = ERRORS[code];
  return { code, detail, hint, docs: errorDocsPath(code), retryable };
}

/** The answer to a refused request, as the API would give it. */
export function problemAnswer({ code, facts, headers }: Refusal, requestId: string): Response {
  const { status, title, hint } = ERRORS[code];
  const docs = errorDocsPath(code);
  const detail = `${title}.`;
  const problem: Problem = { type: docs, title, status, code, detail, hint, docs, requestId, ...facts };
  const { retryAfterMs } = facts;
  return new Response(JSON.stringify(problem), {
    status,
    headers: {
      "cache-control": "no-store",
      "content-type": "application/problem+json; charset=utf-8",
      "x-content-type-options": "nosniff",
      "x-request-id": requestId,
      ...(retryAfterMs !== undefined && { "retry-after": String(Math.ceil(retryAfterMs / 1000)) }),
      ...headers,
    },
  });
}
