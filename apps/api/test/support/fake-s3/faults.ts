/**
 * What goes wrong with one request: an error; the connection is lost before the work, or after it and before the
 * answer; no answer ever comes; half of a body comes; some keys of a DeleteObjects are not deleted.
 */
export type Fault =
  | { status: number; code: string; message?: string }
  | "reset"
  | "reset after"
  | "hang"
  | "truncate"
  | { code: string; keys: (key: string) => boolean };

export interface FaultyRequest {
  /** As S3 names it; "Preflight" for OPTIONS and "Unknown" for what there is not. */
  operation: string;
  method: string;
  key: string;
}

type Rule = (request: FaultyRequest) => Fault | undefined;

export interface Faults {
  /** For the requests to come, one each, whatever they are. */
  next: Fault[];
  /** Asked for each request that none of `next` is for. @returns what takes the rule away. */
  when(rule: Rule): () => void;
  clear(): void;
}

export function createFaults(): Faults & { take: Rule } {
  const rules = new Set<Rule>();
  const faults: Faults & { take: Rule } = {
    next: [],
    when(rule) {
      rules.add(rule);
      return () => void rules.delete(rule);
    },
    clear() {
      faults.next = [];
      rules.clear();
    },
    take(request) {
      const next = faults.next.shift();
      if (next !== undefined) return next;
      for (const rule of rules) {
        const fault = rule(request);
        if (fault !== undefined) return fault;
      }
      return undefined;
    },
  };
  return faults;
}
