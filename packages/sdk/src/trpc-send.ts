import { ApiError, AvatarError, type ClientOptions, ConnectionError, type ErrorFacts } from "./index.ts";
import { systemClock, withRetries } from "./retry.ts";
import { authorization, urlOf } from "./settings.ts";

/**
 * Options of {@link createAvatarTrpcClient}, which mean what they mean for `Avatar`.
 *
 * @example
 * const options: TrpcClientOptions = { baseUrl: "https://avatar.example.com", apiKey: fetchShortLivedKey };
 */
export type TrpcClientOptions = Pick<ClientOptions, "apiKey" | "baseUrl" | "fetch" | "headers" | "retry">;

interface Init {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
  signal?: AbortSignal | null;
}

/** A `fetch` that brings the key. */
export type Send = (path: string, request: Init) => Promise<Response>;

/** Sends again what failed for a passing reason, where that is harmless. @returns a `fetch` for paths of the API */
export function createSend({ fetch: own, headers, retry = {}, ...options }: TrpcClientOptions): Send {
  const fetchOnce = own ?? ((url, init) => fetch(url, init));

  async function exchange(path: string, request: Init, signal: AbortSignal): Promise<Response> {
    const [url, key] = await Promise.all([urlOf(options, path), authorization(options)]).catch((error) => {
      throw asOwn(error);
    });
    const all = { ...headers, ...request.headers, authorization: key };
    const response = await fetchOnce(url, { ...request, signal, cache: "no-store", headers: all }).catch(
      (cause) => {
        signal.throwIfAborted();
        const detail = `The connection to ${new URL(url).host} failed: ${cause.message}.`;
        throw new ConnectionError({ code: "connection", detail, retryable: true, cause });
      },
    );
    if (/json|event-stream/.test(response.headers.get("content-type") ?? "")) return response;
    throw notOfApi(response);
  }

  return async (path, request) => {
    const signal = request.signal ?? new AbortController().signal;
    let refusal: Response | undefined;
    const once = async () => {
      refusal?.body?.cancel().catch(() => {}); // Frees the connection.
      refusal = undefined;
      const response = await exchange(path, request, signal);
      const seconds = response.headers.get("retry-after");
      if (!seconds) return response;
      refusal = response;
      throw new AvatarError({
        code: "refused",
        detail: "",
        retryable: true,
        retryAfterMs: Number(seconds) * 1000,
      });
    };
    try {
      const isOnce = retry === false || makesKeys(path, request);
      return await withRetries(once, async () => {}, isOnce ? { attempts: 1 } : retry, systemClock, signal);
    } catch (error) {
      if (refusal && !signal.aborted) return refusal; // tRPC reads why.
      throw error;
    }
  };
}

/** Of a proxy, say, or of another site. */
function notOfApi({ status, ok }: Response): ApiError {
  return new ApiError({
    code: ok ? "unexpected_response" : `http_${status}`,
    detail: ok ? "The answer is not JSON." : `The server answered ${status}.`,
    hint: "Check that `baseUrl` is the address of the API.",
    status,
    retryable: status >= 500,
  });
}

/** Done twice, it would make two keys, or end one that nobody has seen yet. */
const makesKeys = (path: string, { method }: Init) => method === "POST" && path.startsWith("/trpc/keys.");

/** `settings.ts` is part of the entry `.` as well as of this one, where its errors are not of the class of `.`. */
const asOwn = (error: unknown) => (AvatarError.is(error) ? new AvatarError(error as ErrorFacts) : error);
