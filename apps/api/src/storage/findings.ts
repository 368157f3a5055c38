/** What one check of a store found. */
export interface Finding {
  result: "ok" | "warning" | "FAILED";
  what: string;
  /** What was seen instead of what should be. */
  seen?: string | undefined;
  /** What whoever operates the server can do. */
  remedy?: string | undefined;
}

export type Report = (finding: Finding) => void;

/** A check that was done, and did not find what it should. */
export class CheckFailure extends Error {
  override readonly name = "CheckFailure";
  readonly remedy: string | undefined;
  constructor(message: string, remedy?: string) {
    super(message);
    this.remedy = remedy;
  }
}

export function expectThat(isSo: boolean, seen: string, remedy?: string): asserts isSo {
  if (!isSo) throw new CheckFailure(seen, remedy);
}

/** Runs checks one by one. @returns whether it was fine */
export function createChecker(report: Report, remedyFor: (error: unknown) => string | undefined) {
  return async (what: string, work: () => Promise<void>): Promise<boolean> => {
    try {
      await work();
      report({ result: "ok", what });
      return true;
    } catch (error) {
      report({ result: "FAILED", what, seen: messageOf(error), remedy: remedyFor(error) });
      return false;
    }
  };
}

/** fetch says "fetch failed", and why in its cause; which may be several errors, with no message of their own. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error instanceof TypeError && error.cause) return messageOf(error.cause);
  return error.message || ("code" in error ? String(error.code) : error.name);
}

export function toText({ result, what, seen, remedy }: Finding): string {
  const line = `${result.padEnd(7)} ${what}${seen ? `: ${seen}` : ""}`;
  return remedy ? `${line}\n        ${remedy}` : line;
}
