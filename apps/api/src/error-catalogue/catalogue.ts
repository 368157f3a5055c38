import { ERROR_CAUSES, ERROR_GROUPS } from "@avatar/contract/error-causes";
import { ERRORS, type ErrorCode, errorDocsPath } from "@avatar/contract/errors";
import type { ErrorCatalogue, ErrorEntry } from "@avatar/contract/types";

/** All that is told of a code: as JSON, as a page, and in docs/errors.md. */
export function errorEntry(code: ErrorCode): ErrorEntry {
  const { status, retryable, title, hint } = ERRORS[code];
  return { code, status, retryable, title, cause: ERROR_CAUSES[code], hint, docs: errorDocsPath(code) };
}

export const errorGroups = () =>
  ERROR_GROUPS.map(({ title, codes }) => ({ title, entries: codes.map(errorEntry) }));

export const errorCatalogue = (): ErrorCatalogue => ({
  items: errorGroups().flatMap(({ entries }) => entries),
});
