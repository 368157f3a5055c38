import type { IncomingMessage } from "node:http";
import type { FastifyInstance } from "fastify";
import { AppError } from "../errors.ts";

const asking = new WeakSet<IncomingMessage>();

/** The client sends its body once it is told to, and was not. */
export const isAsking = (request: IncomingMessage): boolean => asking.has(request);

/**
 * Tells clients that ask first (`Expect: 100-continue`) to send their body once it is wanted: after the key was checked, and
 * there is a place for the request. Node by itself tells all of them at once.
 */
export function answerExpect(app: FastifyInstance): void {
  app.server.on("checkContinue", (request, response) => {
    asking.add(request);
    app.server.emit("request", request, response);
  });
  // Whatever else is expected is ignored, as RFC 9110 lets a server do. Node by itself answers 417 and not a word.
  app.server.on("checkExpectation", (request, response) => app.server.emit("request", request, response));
  app.addHook("preParsing", async ({ raw, is404 }, reply) => {
    if (!asking.has(raw)) return;
    if (is404) throw new AppError("not_found");
    asking.delete(raw);
    reply.raw.writeContinue();
  });
}
