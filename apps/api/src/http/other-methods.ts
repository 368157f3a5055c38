import type { FastifyInstance } from "fastify";
import { AppError } from "../errors.ts";

const METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"];

/**
 * To be called before the routes are made. @returns a plugin, to be registered after them: to all other methods of their
 * paths it answers 405, before the key or the body is looked at.
 */
export function answerOtherMethods(app: FastifyInstance): (app: FastifyInstance) => Promise<void> {
  const taken = new Map<string, Set<string>>();
  app.addHook("onRoute", ({ url, method }) => {
    const methods = taken.get(url) ?? new Set();
    for (const each of [method].flat()) methods.add(each);
    taken.set(url, methods);
  });
  return async (last) => {
    for (const [url, methods] of [...taken]) {
      const allow = METHODS.filter((method) => methods.has(method)).join(", ");
      const others = METHODS.filter((method) => !methods.has(method));
      if (others.length === 0) continue;
      last.route({
        method: others,
        url,
        exposeHeadRoute: false,
        async onRequest(_request, reply) {
          reply.header("allow", allow);
          throw new AppError("method_not_allowed");
        },
        handler: () => {},
      });
    }
  };
}
