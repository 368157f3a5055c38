interface Part {
  bytes: number;
}

const PUTS_AT_ONCE = 3;

/** Sends the parts of a large file, some at once, so that a connection that breaks costs one part and not all. */
export async function putParts<P extends Part>(
  parts: readonly P[],
  blob: Blob,
  put: (link: P, file: Blob, putsAtOnce: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  // All senders share it, so each takes the next part that is left.
  const left = parts.values();
  async function send() {
    for (const part of left) {
      const start = next;
      next += part.bytes;
      await put(part, blob.slice(start, next), PUTS_AT_ONCE);
    }
  }
  await Promise.all(Array.from({ length: PUTS_AT_ONCE }, send));
}
