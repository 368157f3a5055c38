import { expect } from "vitest";
import { PreviewError, type PreviewErrorCode } from "../../src/preview-error.ts";

/** Expects a PreviewError with this code and a message that can be shown to a person. */
export async function expectError(promise: Promise<unknown>, code: PreviewErrorCode): Promise<PreviewError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(PreviewError);
  const previewError = error as PreviewError;
  expect(previewError.code).toBe(code);
  expect(previewError.message).toMatch(/^[A-Z].*\.$/);
  return previewError;
}
