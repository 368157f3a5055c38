import { AvatarError } from "./errors.ts";
import type { ClientEvent } from "./events.ts";
import type { Clock, RetryOptions } from "./retry.ts";

/**
 * How to reach the API.
 *
 * @example
 * const avatar = new Avatar({ apiKey: () => fetchShortLivedKey(), baseUrl: "https://avatar.example.com" });
 */
export interface ClientOptions {
  /** A key, or a function that gives one; it is asked for every request. Default: env `AVATAR_API_KEY`. */
  apiKey?: string | (() => string | Promise<string>) | undefined;
  /** Address of the API. Default: env `AVATAR_BASE_URL`. */
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

export function urlOf({ baseUrl = env("AVATAR_BASE_URL") }: Settings, path: string): string {
  const base = String(baseUrl ?? "");
  if (!/^https?:\/\/./.test(base) || !URL.canParse(base)) {
    throw new AvatarError({
      code: "invalid_input",
      detail: base ? `\`baseUrl\` is not an http(s) address: ${base}.` : "The address of the API is missing.",
      hint: "Pass `baseUrl` or set AVATAR_BASE_URL.",
    });
  }
  return base.replace(/\/+$/, "") + path;
}

export async function authorization({ apiKey = env("AVATAR_API_KEY") }: Settings): Promise<string> {
  const key = ((typeof apiKey === "function" ? await apiKey() : apiKey) ?? "").trim();
  // Checked here because the runtime's own message would quote the key.
  if (!/^[\x21-\x7e]+$/.test(key)) {
    throw new AvatarError({
      code: "unauthorized",
      detail: key ? "The API key is malformed." : "The API key is missing.",
      hint: "Pass `apiKey` or set AVATAR_API_KEY.",
    });
  }
  return `Bearer ${key}`;
}
