/** A worker whose pages use `new Avatar({ baseUrl: "/api/avatar" })`, without a key. */
import { createProxy } from "@avatar/client/proxy";
import { createSessions } from "../session.ts";

interface Env {
  AVATAR_API_KEY: string;
  AVATAR_BASE_URL: string;
  SESSION_SECRET: string;
}

// biome-ignore lint/style/noDefaultExport: this is what a worker is
export default {
  fetch(request: Request, env: Env): Promise<Response> {
    const { signIn, userOf } = createSessions(env.SESSION_SECRET);
    const { pathname } = new URL(request.url);
    if (request.method === "POST" && pathname === "/api/login") return signIn();
    const { AVATAR_API_KEY: apiKey, AVATAR_BASE_URL: baseUrl } = env;
    return createProxy({ apiKey, baseUrl, authorize: userOf, onError: console.error })(request);
  },
};
