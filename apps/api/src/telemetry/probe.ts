import { setTimeout as delay } from "node:timers/promises";

export interface Finding<T> {
  /** Undefined where there was no answer. */
  value: T | undefined;
  isUp: boolean;
  /** How long the answer took, or was waited for. */
  seconds: number;
}

interface Options {
  /** So long an answer holds. */
  freshMs?: number;
  /** Longer it is not waited for: whoever asks wants to know that as well. */
  patienceMs?: number;
}

/** Asks somebody who may be away: once at a time, whoever wants to know. */
export function createProbe<T>(
  ask: () => Promise<T>,
  { freshMs = 1000, patienceMs = 2000 }: Options = {},
): () => Promise<Finding<T>> {
  let asked: { atMs: number; isOver: boolean; finding: Promise<Finding<T>> } | undefined;

  async function find(atMs: number): Promise<Finding<T>> {
    const seconds = () => (performance.now() - atMs) / 1000;
    try {
      const value = await ask();
      return { value, isUp: true, seconds: seconds() };
    } catch {
      // Whoever else asks logs why.
      return { value: undefined, isUp: false, seconds: seconds() };
    }
  }

  return async function look() {
    const atMs = performance.now();
    if (!asked || (asked.isOver && atMs - asked.atMs > freshMs)) {
      const asking = { atMs, isOver: false, finding: find(atMs) };
      asked = asking;
      void asking.finding.then(() => {
        asking.isOver = true;
      });
    }
    const enough = new AbortController();
    const silence: Finding<T> = { value: undefined, isUp: false, seconds: patienceMs / 1000 };
    const late = delay(patienceMs, silence, { signal: enough.signal }).catch(() => silence);
    return Promise.race([asked.finding, late]).finally(() => enough.abort());
  };
}
