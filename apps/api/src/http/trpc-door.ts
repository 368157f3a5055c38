import { fastifyRequestHandler } from "@trpc/server/adapters/fastify";
import type { FastifyInstance } from "fastify";
import { AppError } from "../errors.ts";
import type { Services } from "../trpc/context.ts";
import { requestIds, toTrpcShape } from "../trpc/init.ts";
import { router } from "../trpc/router.ts";
import { logFailure } from "./failures.ts";
import { createContext } from "./request-context.ts";
import { drainBody } from "./send-problem.ts";

/** Serves the router to tRPC clients. */
export async function trpcDoor(app: FastifyInstance, { services }: { services: Services }): Promise<void> {
  app.addHook("preParsing", async (request) => {
    // Each mutation needs an Idempotency-Key of its own, and the header is one for the whole request.
    const { path = "" } = request.params as { path?: string };
    if (request.method === "POST" && path.includes(",")) throw new AppError("batch_not_allowed");
  });
  // tRPC parses the body itself.
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) =>
    done(null, body),
  );
  app.setErrorHandler((error, request, reply) => {
    const shape = toTrpcShape(error, request.id);
    logFailure(request, shape.data, error);
    drainBody(request, reply);
    reply.code(shape.data.status).send({ error: shape });
  });
  app.route<{ Params: { path: string } }>({
    method: ["GET", "POST"],
    url: "/:path",
    handler: (request, reply) =>
      fastifyRequestHandler({
        router,
        req: request,
        res: reply,
        path: request.params.path,
        createContext: () => createContext(request, services),
        responseMeta: ({ ctx, info }) => ({
          // Where tRPC fails before it knows the calls, it sends its JSON as text.
          headers: new Headers(info ? ctx?.headers : { "content-type": "application/json" }),
        }),
        onError({ error }) {
          requestIds.set(error, request.id);
          logFailure(request, toTrpcShape(error, request.id).data, error);
        },
      }),
  });
}
