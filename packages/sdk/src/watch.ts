import type { ClientEvent, RequestFacts } from "./events.ts";

type Listener = ((event: ClientEvent) => void) | undefined;

/** What watches a call must not break it, so errors are dropped, also those of a promise. */
export const tell = (onEvent: Listener, event: ClientEvent) =>
  void (async () => onEvent?.(event))().catch(() => {});

/** Sends a request, and tells of it and of its answer. */
export async function watch(
  onEvent: Listener,
  facts: RequestFacts,
  send: () => Promise<Response>,
  now: () => number,
): Promise<Response> {
  tell(onEvent, { type: "request", ...facts });
  const startedAt = now();
  const response = await send();
  const header = (name: string) => response.headers.get(name) ?? undefined;
  const remaining = header("ratelimit-remaining");
  tell(onEvent, {
    type: "response",
    ...facts,
    status: response.status,
    ms: now() - startedAt,
    requestId: header("x-request-id"),
    rateLimitRemaining: remaining === undefined ? undefined : Number(remaining),
    deprecation: header("deprecation"),
    sunset: header("sunset"),
  });
  return response;
}
