import type { Problem } from "@avatar/contract/types";
import type { FastifyInstance } from "fastify";
import type { RequestEvents } from "../telemetry/request-events.ts";
import { loadOf } from "./shed-load.ts";

declare module "fastify" {
  interface FastifyInstance {
    /** Counts a call that is answered with an error. */
    countFailure(problem: Problem): void;
  }
}

export function measureRequests(app: FastifyInstance, events: RequestEvents): void {
  app.decorate("countFailure", events.callFailed);
  // Also comes where the client went away before it had its answer.
  app.addHook("onResponse", async (request, reply) =>
    events.requestAnswered({
      method: request.method,
      route: request.routeOptions.url,
      status: reply.statusCode,
      load: loadOf(request),
      seconds: reply.elapsedTime / 1000,
    }),
  );
}
