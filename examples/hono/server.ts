/** node hono/server.ts: a server whose pages use `new Avatar({ baseUrl: "/api/avatar" })`, without a key. */
import { createProxy } from "@avatar/client/proxy";
import { serve } from "@hono/node-server";
import { Hono } from "hono";
import { createSessions } from "../session.ts";

const sessions = createSessions(process.env.SESSION_SECRET);
/** Its key and the API's address are AVATAR_API_KEY and AVATAR_BASE_URL. */
const proxy = createProxy({ authorize: sessions.userOf, onError: console.error });

const app = new Hono()
  .post("/api/login", () => sessions.signIn())
  .all("/api/avatar/*", (context) => proxy(context.req.raw));

serve({ fetch: app.fetch, hostname: "127.0.0.1", port: Number(process.env.PORT ?? 3000) }, ({ port }) =>
  console.log(`Listening on http://127.0.0.1:${port}`),
);
