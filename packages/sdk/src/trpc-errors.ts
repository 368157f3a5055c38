import type { TRPCClientError } from "@trpc/client";
import { AbortedError, ApiError, AvatarError } from "./index.ts";
import { isRetryable } from "./retry.ts";
import type { AvatarRouter } from "./trpc-router.ts";

/**
 * The error that `Avatar` throws, with `code`, `hint` and `docs`, from the one that the tRPC client threw. What the API said
 * is in `error.data` as well.
 *
 * @example
 * try {
 *   await api.jobs.create.mutate(input);
 * } catch (error) {
 *   const { code, hint } = toAvatarError(error);
 * }
 */
export function toAvatarError(error: unknown): AvatarError {
  if (AvatarError.is(error)) return error;
  const { data, cause, message, meta } = error as TRPCClientError<AvatarRouter>;
  if (AvatarError.is(cause)) return cause;
  if (data) {
    const { code, detail, hint, docs, status, requestId, issues, retryAfterMs } = data;
    const { url = "" } = (meta?.response ?? {}) as { url?: string };
    const facts = {
      code,
      detail,
      hint,
      docs: url.replace(/\/trpc\/.*/, "") + docs,
      status,
      requestId,
      issues,
      retryAfterMs,
    };
    return new ApiError({ ...facts, retryable: isRetryable(status, code), cause: error });
  }
  if (/Abort|Timeout/.test((cause as Error | undefined)?.name ?? "")) return new AbortedError(cause);
  return new AvatarError({ code: "unexpected", detail: message ?? String(error), cause: error });
}
