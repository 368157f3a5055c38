/** A request whose body has been read. */
export interface ReceivedRequest {
  method: string;
  url: URL;
  headers: Headers;
  bytes: Uint8Array<ArrayBuffer>;
  signal: AbortSignal | undefined;
}

/**
 * Reads what `fetch` was called with. Not by making a `Request` of it: that refuses signals and files of the DOM that a test
 * runner puts in place of the runtime's own.
 */
export async function receive(
  input: string | URL | Request,
  init: RequestInit = {},
): Promise<ReceivedRequest> {
  const request = typeof input === "object" && "url" in input ? input : undefined;
  const { method = request?.method ?? "GET", headers = request?.headers ?? {}, body = request } = init;
  const signal = init.signal ?? request?.signal;
  signal?.throwIfAborted();
  return {
    method,
    url: new URL(request?.url ?? String(input)),
    headers: new Headers(headers),
    bytes: new Uint8Array(await read(body)),
    signal,
  };
}

const read = (body: RequestInit["body"] | Request): Promise<ArrayBuffer> =>
  typeof body === "object" && body !== null && "arrayBuffer" in body
    ? body.arrayBuffer()
    : new Response(body ?? null).arrayBuffer();

/** What a test can compare: JSON as its value, a file as its bytes. */
export function bodyOf({ headers, bytes }: ReceivedRequest): unknown {
  if (bytes.length === 0) return undefined;
  if (!headers.get("content-type")?.startsWith("application/json")) return bytes;
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return bytes;
  }
}
