import type { Problem } from "@avatar/contract/types";
import { ApiError, AvatarError, asAvatarError, ConnectionError, type ErrorFacts } from "./errors.ts";
import { defined } from "./fields.ts";
import { refuse } from "./refuse.ts";
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
  query?: object;
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
  /** JSON in, JSON out. Described by a function, so that what is wrong with an argument becomes a rejection, too. */
  call<T>(describe: () => ApiRequest, options?: CallOptions): Promise<T>;
  /** Resolves to the answer with its body unread. */
  open(request: SignedRequest, options?: CallOptions): Promise<Response>;
  /** Repeats work on requests as the requests themselves are repeated. */
  repeat<T>(options: CallOptions | undefined, once: Once<T>, timeoutMs?: number): Promise<T>;
  /** Turns whatever `work` throws, at once or later, into the rejection with an AvatarError that a caller may expect. */
  guard<T>(work: () => T | PromiseLike<T>): Promise<T>;
  /** What is read of an answer from `url`. */
  reading<T>(url: string, read: Promise<T>): Promise<T>;
}

export const REQUEST_TIMEOUT_MS = 30_000;

export function createHttp(settings: Settings, clock: Clock): Http {
  // Late, so that a patched `fetch` is seen; unbound, since some runtimes refuse any other `this`.
  const send = settings.fetch ?? ((url, init) => fetch(url, init));

  const { onEvent } = settings;
  /** Loaded by those who watch alone. A call goes on without, in case that fails. */
  const loadWatch = async () => (onEvent ? import("./watch.ts").catch(() => undefined) : undefined);

  function repeat<T>(
    options: CallOptions | undefined,
    once: Once<T>,
    timeoutMs = REQUEST_TIMEOUT_MS,
  ): Promise<T> {
    const retry = options?.retry ?? settings.retry ?? {};
    return withinBounds(options, (signal) =>
      withRetries(
        (attempt) => withinBounds({ signal, timeoutMs }, (own) => once(own, attempt)),
        async ({ code: reason }, attempt, delayMs) =>
          (await loadWatch())?.tell(onEvent, { type: "retry", reason, attempt, delayMs }),
        // A try that hangs to its end leaves time for another.
        retry === false ? { attempts: 1 } : { budgetMs: 2 * timeoutMs, ...retry },
        clock,
        signal,
      ),
    );
  }

  async function request(url: string, init: RequestInit & { method: string }, attempt: number) {
    const answer = () => send(url, { ...init, cache: "no-store" });
    const watch = (await loadWatch())?.watch;
    const facts = { method: init.method, url: url.replace(/\?.*/, ""), attempt };
    const response = await (watch ? watch(onEvent, facts, answer, clock.now) : answer());
    if (!response.ok) throw toApiError(response, problemOf(await response.text()), clock.now());
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
    call: <T>(describe: () => ApiRequest, options?: CallOptions) =>
      guard(() => {
        const { path, query = {}, body, idempotencyKey, requestTimeoutMs, ...init } = describe();
        return repeat<T>(
          options,
          async (signal, attempt) => {
            const search = String(new URLSearchParams(defined(query) as Record<string, string>));
            const url = await urlOf(settings, search ? `${path}?${search}` : path);
            const key = await authorization(settings);
            let headers = new Headers();
            try {
              headers = new Headers(settings.headers);
              if (key) headers.set("authorization", key);
              if (idempotencyKey !== undefined) headers.set("idempotency-key", idempotencyKey);
              if (body !== undefined) headers.set("content-type", "application/json");
            } catch {
              // Not the runtime's words, which quote the value.
              await refuse("invalid_input", "header");
            }
            const whole = { ...init, body: JSON.stringify(body) ?? null, headers, signal };
            // Also in the middle of an answer a connection can break.
            return reading(url, request(url, whole, attempt).then(parse<T>));
          },
          requestTimeoutMs,
        );
      }),
    open: ({ url, requestTimeoutMs, ...init }, options) =>
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
    const inner = ((cause as Error).cause ?? cause) as { code?: string; message?: string; name?: string };
    const { code, message } = inner;
    // A file that was changed or deleted meanwhile does not come back.
    if (inner.name === "NotReadableError") throw inner;
    const detail = `The connection to ${new URL(url).host} failed: ${code || message}.`;
    throw new ConnectionError({ code: "connection", detail, retryable: true, cause });
  }
}

async function parse<T>(response: Response): Promise<T> {
  const text = await response.text();
  try {
    return JSON.parse(text);
  } catch (cause) {
    const hint = "Check that `baseUrl` is the address of the API.";
    throw toApiError(response, {
      code: "unexpected_response",
      detail: "The answer is not JSON.",
      hint,
      cause,
    });
  }
}

/** Of errors from something in between, such as a proxy, or from the object store, which speaks XML, there is none. */
function problemOf(text: string): Partial<Problem> {
  try {
    const problem = JSON.parse(text);
    return typeof problem.code === "string" ? problem : {};
  } catch {
    return /<Code>(BadDigest|XAmzContentChecksumMismatch)</.test(text) ? { code: "upload_mismatch" } : {};
  }
}

function toApiError(
  { status, headers }: Response,
  problem: Partial<Omit<Problem, "code"> & ErrorFacts>,
  now = 0,
): ApiError {
  const {
    code = `http_${status}`,
    detail = `The server answered ${status}.`,
    hint,
    docs,
    issues,
    cause,
  } = problem;
  const requestId = problem.requestId ?? headers.get("x-request-id") ?? undefined;
  const retryAfterMs = problem.retryAfterMs ?? retryAfter(headers.get("retry-after"), now);
  const retryable = isRetryable(status, code);
  return new ApiError({
    code,
    detail,
    hint,
    docs,
    status,
    requestId,
    issues,
    retryable,
    retryAfterMs,
    cause,
  });
}

/** `Retry-After` is a number of seconds or a date. */
function retryAfter(value: string | null, now: number): number | undefined {
  if (!value) return undefined;
  const ms = Number(value) * 1000 || Date.parse(value) - now;
  return ms >= 0 ? ms : undefined;
}
