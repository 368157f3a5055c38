import { expect, test } from "vitest";
import { ERROR_CAUSES, ERROR_GROUPS } from "./error-causes.ts";
import { ERROR_CODES, ERRORS, errorDocsPath, isErrorCode } from "./errors.ts";

test.each(ERROR_CODES)("%s can be shown, linked and acted upon", (code) => {
  const { status, title, hint } = ERRORS[code];
  expect(code).toMatch(/^[a-z]+(_[a-z]+)*$/);
  expect(status).toBeGreaterThanOrEqual(400);
  expect(status).toBeLessThan(600);
  expect(title).toMatch(/^[A-Z].*[^.]$/);
  expect(hint).toMatch(/^[A-Z].*\.$/);
  expect(errorDocsPath(code)).toBe(`/docs/errors/${code}`);
  expect(ERROR_CAUSES[code]).toMatch(/^[A-Z].*\.$/);
});

test("the catalogue has every code once, in one of its groups", () => {
  const grouped = ERROR_GROUPS.flatMap(({ codes }) => codes);
  expect(grouped.toSorted()).toEqual(ERROR_CODES.toSorted());
});

test("what is our fault is worth another try", () => {
  for (const code of ERROR_CODES) if (ERRORS[code].status >= 500) expect(ERRORS[code].retryable).toBe(true);
});

test.each([
  ["job_not_found", true],
  ["JOB_NOT_FOUND", false],
  ["constructor", false],
  ["__proto__", false],
  ["", false],
])("%j is a code: %s", (code, expected) => {
  expect(isErrorCode(code)).toBe(expected);
});
