import type { ObjectStore } from "../storage/object-store.ts";
import { inSpan, type Tracing } from "./tracing.ts";

const CALLS = ["put", "putNew", "head", "read", "delete", "joinParts"] as const;

/** What is asked of the store for a request or a run becomes a span there. */
export function traceStore<S extends ObjectStore>(store: S, tracing: Tracing): S {
  if (!tracing.isOn) return store;
  const traced = CALLS.map((name) => {
    const call = store[name] as (...args: unknown[]) => Promise<unknown>;
    const options = { kind: "client" } as const;
    const within = (...args: unknown[]) =>
      tracing.isWithin() ? inSpan(tracing, `store ${name}`, options, () => call(...args)) : call(...args);
    return [name, within];
  });
  return { ...store, ...Object.fromEntries(traced) };
}
