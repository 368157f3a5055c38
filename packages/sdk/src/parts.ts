interface Part {
  bytes: number;
}

/**
 * Sends a large file part by part, so that a connection that breaks costs one part and not all. One after the other:
 * three at once take a third more memory.
 */
export async function putParts<P extends Part>(
  parts: readonly P[],
  blob: Blob,
  put: (link: P, file: Blob) => Promise<void>,
): Promise<void> {
  let start = 0;
  for (const part of parts) {
    const end = start + part.bytes;
    await put(part, blob.slice(start, end));
    start = end;
  }
}
