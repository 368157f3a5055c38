import type { Problem } from "@avatar/contract/types";
import { ApiError, AvatarError, asAvatarError, ConnectionError } from "./errors.ts";
import type { ClientEvent } from "./events.ts";
import { type Clock, isRetryable, type RetryOptions, withRetries } from "./retry.ts";
import { type Bounds, withinBounds } from "./scope.ts";
import { authorization, type Settings, urlOf, withDocsUrl } from "./settings.ts";

/**
 * Options of every call.
 *
 * @example
 * const job = await avatar.jobs.get(id, { timeoutMs: 5000, retry: false });
 */
export interface CallOptions extends Bounds {
  /** Instead of the client's own `retry`. */
  retry?: RetryOptions | false | undefined;
}

export interface ApiRequest {
  method: "GET" | "POST" | "DELETE";
  path: string;
  body?: unknown;
  idempotencyKey?: string;
  /** Lets the request outlive the page that sent it. */
  keepalive?: boolean;
  /** For one try. */
  requestTimeoutMs?: number;
}

/** A request to a signed link, which is all the authorization it needs. */
interface SignedRequest {
  method: "GET" | "PUT";
  url: string;
  headers?: Record<string, string>;
  body?: Blob;
  requestTimeoutMs?: number;
}

export interface Http {
  /** JSON in, JSON out. */
  call<T>(request: ApiRequest, options?: CallOptions): Promise<T>;
  /** Resolves to the answer with its body unread. */
  open(request: SignedRequest, options?: CallOptions): Promise<Response>;
  /** Repeats work on requests as the requests themselves are repeated. */
  repeat<T>(options: CallOptions, once: Once<T>, timeoutMs?: number): Promise<T>;
  /** Turns whatever `work` throws, at once or later, into the rejection with an AvatarError that a caller may expect. */
  guard<T>(work: () => T | PromiseLike<T>): Promise<T>;
  /** What is read of an answer from `url`. */
  reading<T>(url: string, read: Promise<T>): Promise<T>;
}

export const REQUEST_TIMEOUT_MS = 30_000;

export function createHttp(settings: Settings, clock: Clock): Http {
  // Late, so that a patched `fetch` is seen; unbound, since some runtimes refuse any other `this`.
  const send = settings.fetch ?? ((url, init) => fetch(url, init));

  /** What watches a call must not break it, so errors are dropped, also those of a promise. */
  const tell = (event: ClientEvent) => void (async () => settings.onEvent?.(event))().catch(() => {});

  function repeat<T>(options: CallOptions, once: Once<T>, timeoutMs = REQUEST_TIMEOUT_MS): Promise<T> {
    const retry = options.retry ?? settings.retry ?? {};
    return withinBounds(options, (signal) =>
      withRetries(
        (attempt) => withinBounds({ signal, timeoutMs }, (own) => once(own, attempt)),
        ({ code: reason }, attempt, delayMs) => tell({ type: "retry", reason, attempt, delayMs }),
        retry === false ? { attempts: 1 } : retry,
        clock,
        signal,
      ),
    );
  }

  async function request(url: string, init: RequestInit & { method: string }, attempt: number) {
    const facts = { method: init.method, url: url.replace(/\?.*/, ""), attempt };
    tell({ type: "request", ...facts });
    const startedAt = clock.now();
    const response = await send(url, { ...init, cache: "no-store" });
    const { status, headers } = response;
    const header = (name: string) => headers.get(name) ?? undefined;
    const remaining = header("ratelimit-remaining");
    tell({
      type: "response",
      ...facts,
      status,
      ms: clock.now() - startedAt,
      requestId: header("x-request-id"),
      rateLimitRemaining: remaining === undefined ? undefined : Number(remaining),
      deprecation: header("deprecation"),
      sunset: header("sunset"),
    });
    if (!response.ok) throw toApiError(response, await response.text(), clock.now());
    return response;
  }

  async function guard<T>(work: () => T | PromiseLike<T>): Promise<T> {
    try {
      return await work();
    } catch (thrown) {
      throw withDocsUrl(asAvatarError(thrown), settings);
    }
  }

  return {
    call: <T>(
      { path, body, idempotencyKey, requestTimeoutMs, ...init }: ApiRequest,
      options: CallOptions = {},
    ) =>
      repeat(
        options,
        async (signal, attempt) => {
          const url = urlOf(settings, path);
          const headers = new Headers(settings.headers);
          headers.set("authorization", await authorization(settings));
          if (idempotencyKey !== undefined) headers.set("idempotency-key", idempotencyKey);
          if (body !== undefined) headers.set("content-type", "application/json");
          const json = body === undefined ? {} : { body: JSON.stringify(body) };
          // Also in the middle of an answer a connection can break.
          return reading(url, request(url, { ...init, ...json, headers, signal }, attempt).then(parse<T>));
        },
        requestTimeoutMs,
      ),
    open: ({ url, requestTimeoutMs, ...init }, options = {}) =>
      repeat(
        options,
        (signal, attempt) => reading(url, request(url, { ...init, signal }, attempt)),
        requestTimeoutMs,
      ),
    repeat,
    guard,
    reading,
  };
}

type Once<T> = (signal: AbortSignal, attempt: number) => Promise<T>;

/** Names the host alone, since a signed link is a secret. */
async function reading<T>(url: string, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (AvatarError.is(cause)) throw cause;
    const { code, message } = ((cause as Error).cause ?? cause) as { code?: string; message?: string };
    const detail = `The connection to ${new URL(url).host} failed: ${code ?? message}.`;
    throw new ConnectionError({ code: "connection", detail, retryable: true, cause });
  }
}

async function parse<T>(response: Response): Promise<T> {
  const { status, headers } = response;
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ApiError({
      code: "unexpected_response",
      detail: "The answer is not JSON.",
      hint: "Check that `baseUrl` is the address of the API.",
      status,
      requestId: headers.get("x-request-id") ?? undefined,
      cause,
    });
  }
}

function toApiError({ status, headers }: Response, text: string, now: number): ApiError {
  let problem: Partial<Problem> = {};
  try {
    problem = { ...JSON.parse(text) };
  } catch {
    // Not from the API but from something in between, such as a proxy, or from the object store, which speaks XML.
    if (/<Code>(BadDigest|XAmzContentChecksumMismatch)</.test(text)) problem.code = "upload_mismatch";
  }
  const { code = `http_${status}`, detail = `The server answered ${status}.`, hint, docs, issues } = problem;
  const requestId = problem.requestId ?? headers.get("x-request-id") ?? undefined;
  const retryAfterMs = problem.retryAfterMs ?? retryAfter(headers.get("retry-after"), now);
  const retryable = isRetryable(status, code);
  return new ApiError({ code, detail, hint, docs, status, requestId, issues, retryable, retryAfterMs });
}

/** `Retry-After` is a number of seconds or a date. */
function retryAfter(value: string | null, now: number): number | undefined {
  if (!value) return undefined;
  const ms = Number(value) * 1000 || Date.parse(value) - now;
  return ms >= 0 ? ms : undefined;
}
