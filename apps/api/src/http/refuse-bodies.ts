import type { FastifyInstance, FastifyRequest } from "fastify";
import { AppError } from "../errors.ts";

const BODYLESS = new Set(["GET", "HEAD", "OPTIONS"]);

/** Fastify neither reads nor bounds the bodies of these methods; Node then reads them to their end, to throw them away. */
export function refuseBodies(app: FastifyInstance): void {
  app.addHook("onRequest", async (request) => {
    if (BODYLESS.has(request.method) && hasBody(request))
      throw new AppError("invalid_input", { detail: `A ${request.method} request has no body.` });
  });
}

export const hasBody = ({ headers }: FastifyRequest): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"]) > 0;
