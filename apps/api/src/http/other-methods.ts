import type { FastifyInstance } from "fastify";
import { AppError } from "../errors.ts";

declare module "fastify" {
  interface FastifyContextConfig {
    /** Of a route that answers 405: the methods that its path does take. */
    allow?: string;
  }
}

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "QUERY"];

/**
 * To be called before the routes are made, and before whatever looks at a key or a body. @returns a plugin, to be registered
 * after the routes: to all other methods of their paths it answers 405.
 */
export function answerOtherMethods(app: FastifyInstance): (app: FastifyInstance) => Promise<void> {
  const taken = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url, method }) => {
    const methods = taken.get(url) ?? new Set();
    for (const each of [method].flat()) methods.add(each);
    taken.set(url, methods);
  });
  app.addHook("onRequest", async ({ routeOptions }, reply) => {
    const { allow } = routeOptions.config;
    if (allow === undefined) return;
    reply.header("allow", allow);
    throw new AppError("method_not_allowed");
  });
  return async (last) => {
    for (const [url, methods] of [...taken]) {
      const allow = METHODS.filter((method) => methods.has(method)).join(", ");
      const others = METHODS.filter((method) => !methods.has(method));
      if (others.length === 0) continue;
      last.route({ method: others, url, exposeHeadRoute: false, config: { allow }, handler: () => {} });
    }
  };
}
