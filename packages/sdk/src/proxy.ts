import { ApiError } from "./errors.ts";
import { toHex } from "./hex.ts";
import { problemAnswer, Refusal } from "./problem.ts";
import { inNameOf, isJobOf, readJson } from "./proxy/bodies.ts";
import { toApiHeaders, toPageAnswer } from "./proxy/headers.ts";
import { findTarget } from "./proxy/routes.ts";
import { authorization, urlOf } from "./settings.ts";

/**
 * What a proxy needs to know.
 *
 * @example
 * const options: ProxyOptions = { authorize: async (request) => (await sessionOf(request))?.userId };
 */
export interface ProxyOptions {
  /**
   * Tells which of your users sends the request, by your own session; each sees only the jobs made in that name. Nobody is
   * let in by an empty text, by anything else than a text, or by an error. The name is in the job's `metadata.user`.
   * It must not read the body.
   */
  authorize: (request: Request) => ProxyUser | Promise<ProxyUser>;
  /** The key that every request is sent with; no page gets it. Default: env `AVATAR_API_KEY`. */
  apiKey?: string | (() => string | Promise<string>) | undefined;
  /** Address of the API. Default: env `AVATAR_BASE_URL`. */
  baseUrl?: string | URL | undefined;
  /** Instead of the global `fetch`. */
  fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /** Is told what the page is not: what `authorize` threw, and why the API could not be asked. What it throws is dropped. */
  onError?: ((error: unknown) => void) | undefined;
}

/**
 * A name of up to 500 characters, for example the user's id in your database; or nobody.
 *
 * @example
 * const whoSends = (request: Request): ProxyUser => sessions.get(request.headers.get("cookie"))?.userId;
 */
export type ProxyUser = string | false | null | undefined;

/**
 * Lets your pages use the API without a key. One function from `Request` to `Response` for Next, Hono, Bun, Deno and
 * workers, to be mounted at any path. In the page: `new Avatar({ baseUrl: "/that/path" })`.
 *
 * @example
 * const proxy = createProxy({ authorize: async (request) => (await sessionOf(request))?.userId });
 * app.all("/api/avatar/*", (context) => proxy(context.req.raw)); // Hono
 */
export function createProxy({
  authorize,
  onError: onErrorOf,
  ...settings
}: ProxyOptions): (request: Request) => Promise<Response> {
  // A log that fails must break neither the answer nor the server, so its own errors are dropped, also those of a promise.
  const onError = (error: unknown) => void (async () => onErrorOf?.(error))().catch(() => {});
  const ask = settings.fetch ?? ((url: string, init: RequestInit) => fetch(url, init));

  async function whoSends(request: Request): Promise<string> {
    try {
      const user = await authorize(request);
      if (typeof user === "string" && user !== "") return user;
    } catch (error) {
      onError(error);
    }
    throw new Refusal("unauthorized", { hint: "Sign in to the application, then try again." });
  }

  async function send(path: string, { headers, ...init }: RequestInit): Promise<Response> {
    const url = await urlOf(settings, path);
    const withKey = { ...headers, authorization: await authorization(settings) };
    const options = { ...init, headers: withKey, cache: "no-store", redirect: "manual" } as const;
    const answer = await ask(url, options).catch((error: unknown) => {
      if (!init.signal?.aborted) onError(error);
      throw new Refusal("unavailable", { retryAfterMs: 1000 });
    });
    const { status } = answer;
    const isProblem = answer.headers.get("content-type")?.startsWith("application/problem+json");
    if (status !== 401 && (answer.ok || isProblem)) return answer;

    // A key that is no good is not the page's doing, and what a gateway or a redirect says is not for it.
    await answer.body?.cancel();
    onError(new ApiError({ code: `http_${status}`, status, detail: `The proxy was answered ${status}.` }));
    throw status === 401 ? new Refusal("internal") : new Refusal("unavailable", { retryAfterMs: 1000 });
  }

  async function handle(request: Request): Promise<Response> {
    const { signal } = request;
    const { pathname, search } = new URL(request.url);
    const { method, path, id } = findTarget(request.method, pathname);
    const user = await whoSends(request);
    const init: RequestInit = { method, headers: await toApiHeaders(request, user), signal };
    if (method === "POST" && !id) {
      const json = await readJson(request);
      init.body = path === "/v1/jobs" ? inNameOf(user, json) : json;
    }
    if (id) {
      const found = await send(`/v1/jobs/${id}`, { signal });
      if (!found.ok && found.status !== 404) return toPageAnswer(found);
      // Another user's job is answered for as if there were none.
      if (!isJobOf(user, await found.json())) throw new Refusal("job_not_found");
    }
    return toPageAnswer(await send(path + search, init));
  }

  return async (request) => {
    try {
      return await handle(request);
    } catch (error) {
      const requestId = `req_${toHex(crypto.getRandomValues(new Uint8Array(16)))}`;
      if (error instanceof Refusal) return problemAnswer(error, requestId);
      if (!request.signal.aborted) onError(error);
      return problemAnswer(new Refusal("internal"), requestId);
    }
  };
}
