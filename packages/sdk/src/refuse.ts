import { AvatarError, type ErrorCode } from "./errors.ts";

/** A closer look at files, and the words for what is wrong. Who loads it must do without, in case that fails. */
export const loadCheck = () => import("./check.ts").catch(() => undefined);

type Subject = keyof typeof import("./check.ts").WORDS;

/**
 * Rejects with what is wrong before a byte is sent. Its words are no part of the package that every page loads.
 * @param values what stands in the words for each `$`
 */
export async function refuse(
  code: ErrorCode,
  subject: Subject,
  values: readonly unknown[] = [],
  jobId?: string,
): Promise<never> {
  const check = await loadCheck();
  throw new AvatarError({ code, detail: code, jobId, ...check?.explain(code, subject, values) });
}
