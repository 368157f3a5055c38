import { PreviewError } from "./preview-error.ts";

/**
 * The two ways a caller can stop a render. `flag` exists because the wasm encoder never returns to the
 * event loop while it runs: another thread stores a non-zero value at index 0 of a shared array.
 */
export interface AbortSources {
  readonly signal?: AbortSignal | undefined;
  readonly flag?: Int32Array | undefined;
}

/** Throws `aborted` once either source has fired. Cheap enough for every frame. */
export function throwIfAborted({ signal, flag }: AbortSources): void {
  if (signal?.aborted || (flag !== undefined && Atomics.load(flag, 0) !== 0)) throw abortedError();
}

export function abortedError(): PreviewError {
  return new PreviewError("aborted", "The render was stopped before it was finished.");
}
