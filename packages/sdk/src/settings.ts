import { type AvatarError, addFacts } from "./errors.ts";
import type { ClientEvent } from "./events.ts";
import { refuse } from "./refuse.ts";
import type { Clock, RetryOptions } from "./retry.ts";

/**
 * How to reach the API.
 *
 * @example
 * const avatar = new Avatar({ apiKey: () => fetchShortLivedKey(), baseUrl: "https://avatar.example.com" });
 */
export interface ClientOptions {
  /**
   * A key, or a function that gives one; it is asked for every request. Default: env `AVATAR_API_KEY`. In a browser a
   * live key must come from a function, which fetches a child key from your server. Not needed where `baseUrl` is a path.
   */
  apiKey?: string | (() => string | Promise<string>) | undefined;
  /** Address of the API, or in a page the path of your proxy. Default: env `AVATAR_BASE_URL`. */
  baseUrl?: string | URL | undefined;
  /** Instead of the global `fetch`. */
  fetch?: ((url: string, init: RequestInit) => Promise<Response>) | undefined;
  /** Sent with every request to the API, never to the object store. */
  headers?: Record<string, string> | undefined;
  /** `false` sends every request once. Waiting for a job outlasts failed polls in any case. */
  retry?: RetryOptions | false | undefined;
  /** Told of every request, answer and retry. What it throws is dropped: watching a call must not break it. */
  onEvent?: ((event: ClientEvent) => void) | undefined;
  /** Time, for your tests. */
  clock?: Clock | undefined;
}

export type Settings = Readonly<ClientOptions>;

/** Environment variables, where the runtime has any and lets us read them. */
function env(name: string): string | undefined {
  try {
    return (globalThis as { process?: { env?: Record<string, string> } }).process?.env?.[name];
  } catch {
    return undefined; // Deno throws without permission; then the option is needed, as in a browser.
  }
}

/** On the host of the page. */
const isPath = (baseUrl: unknown) => /^\/(?!\/)/.test(String(baseUrl));

/** The address of the API without a slash at its end, where it is one. No `fetch` takes one with a password. */
function baseOf({ baseUrl = env("AVATAR_BASE_URL") ?? "" }: Settings): string | undefined {
  const { location } = globalThis as { location?: { origin: string } };
  const base = (isPath(baseUrl) ? (location?.origin ?? "") : "") + baseUrl;
  return /^https?:\/\/[^/@?#]+(\/[^?#]*)?$/.test(base) && URL.canParse(base)
    ? base.replace(/\/+$/, "")
    : undefined;
}

export async function urlOf(settings: Settings, path: string): Promise<string> {
  return (baseOf(settings) ?? (await refuse("invalid_input", "address"))) + path;
}

/** The API tells the pages about its errors by their path. */
export function withDocsUrl<E extends AvatarError>(error: E, settings: Settings): E {
  const { docs } = error;
  return docs?.startsWith("/") ? addFacts(error, { docs: (baseOf(settings) ?? "") + docs }) : error;
}

/** Also a worker of a page. Workers of Cloudflare with an old compatibility date have `importScripts`, but no `location`. */
const isBrowser = () =>
  "document" in globalThis || ("importScripts" in globalThis && "location" in globalThis);

/** @returns undefined where a proxy has the key */
export async function authorization({
  apiKey = env("AVATAR_API_KEY"),
  baseUrl,
}: Settings): Promise<string | undefined> {
  if (!apiKey && isPath(baseUrl)) return undefined;
  const key = ((typeof apiKey === "function" ? await apiKey() : apiKey) ?? "").trim();
  // A child key looks the same, but is fetched: nobody writes it down.
  if (typeof apiKey === "string" && key.startsWith("avk_live_") && isBrowser())
    await refuse("live_key_in_browser", "liveKey");
  // Checked here because the runtime's own message would quote the key.
  if (!/^[\x21-\x7e]+$/.test(key)) await refuse("unauthorized", key ? "malformedKey" : "missingKey");
  return `Bearer ${key}`;
}
