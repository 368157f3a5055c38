/** Asks the API for something with a live key that is written down: in a page, in its workers and in Cloudflare's. */
import { Avatar } from "@avatar/client";

const LIVE_KEY = `avk_live_${"0".repeat(40)}`;

/** @returns the code of the error; `unauthorized` means that the key was sent */
const tryKey = (baseUrl: string): Promise<string> =>
  new Avatar({ apiKey: LIVE_KEY, baseUrl }).limits().then(
    () => "no error",
    ({ code }) => code,
  );

const inBrowser = globalThis as unknown as { tryKey: typeof tryKey; postMessage(code: string): void };
inBrowser.tryKey = tryKey;
globalThis.addEventListener("message", async ({ data }) => inBrowser.postMessage(await tryKey(data)));

// biome-ignore lint/style/noDefaultExport: this is what a worker of Cloudflare is
export default {
  fetch: async (_request: Request, env: { AVATAR_BASE_URL: string }) =>
    new Response(await tryKey(env.AVATAR_BASE_URL)),
};
