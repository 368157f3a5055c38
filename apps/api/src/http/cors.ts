import type { FastifyInstance } from "fastify";
import { hasBody } from "./refuse-bodies.ts";

const EXPOSED = [
  "x-request-id",
  "location",
  "retry-after",
  "ratelimit-limit",
  "ratelimit-remaining",
  "ratelimit-reset",
  "ratelimit-policy",
  "idempotency-replayed",
];
const PREFLIGHT = {
  "access-control-allow-methods": "GET, POST, DELETE",
  "access-control-allow-headers": [
    "authorization",
    "x-api-key",
    "content-type",
    "idempotency-key",
    "last-event-id",
    "trpc-accept",
    "trpc-batch-mode",
    "x-trpc-source",
  ].join(", "),
  // Chrome keeps it no longer.
  "access-control-max-age": "7200",
};

/**
 * Lets web pages of these origins call the API, without cookies. Also refusals say so, else pages could not read them: this
 * is a hook to be added before those that refuse, which @fastify/cors, a plugin that is loaded later, would come after.
 */
export function allowOrigins(app: FastifyInstance, origins: readonly string[]): void {
  if (origins.length === 0) return;
  app.addHook("onRequest", async (request, reply) => {
    // Any page may use a signed link: see object-routes.ts.
    if (request.url.startsWith("/objects/")) return;
    reply.header("vary", "origin");
    const { origin, "access-control-request-method": asked } = request.headers;
    if (origin === undefined || !origins.includes(origin)) return;
    reply.header("access-control-allow-origin", origin);
    reply.header("access-control-expose-headers", EXPOSED.join(", "));
    // A browser asks before it sends a key.
    if (request.method === "OPTIONS" && asked !== undefined && !hasBody(request))
      return reply.code(204).headers(PREFLIGHT).send();
  });
}
