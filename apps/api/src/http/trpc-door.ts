import type { TRPCError } from "@trpc/server";
import { fastifyRequestHandler } from "@trpc/server/adapters/fastify";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { AppError } from "../errors.ts";
import { toAppError } from "../problem.ts";
import type { Services } from "../trpc/context.ts";
import { requestIds, toTrpcShape } from "../trpc/init.ts";
import { router } from "../trpc/router.ts";
import { toText } from "./body-text.ts";
import { tendStream } from "./event-stream.ts";
import { logFailure } from "./failures.ts";
import { createContext } from "./request-context.ts";
import { drainBody, retryHeader } from "./send-problem.ts";
import type { Kind } from "./shed-load.ts";

interface Deps {
  services: Services;
  heartbeatMs: number;
}

/** Serves the router to tRPC clients. */
export async function trpcDoor(app: FastifyInstance, { services, heartbeatMs }: Deps): Promise<void> {
  app.addHook("onSend", async (_request, reply, payload) => {
    // tRPC sends heartbeats of its own.
    if (isEventStream(payload)) tendStream(reply.raw, heartbeatMs);
  });
  app.addHook("preParsing", async (request) => {
    // Each mutation needs an Idempotency-Key of its own, and the header is one for the whole request.
    const { path = "" } = request.params as { path?: string };
    if (request.method === "POST" && path.includes(",")) throw new AppError("batch_not_allowed");
  });
  app.addHook("preHandler", async ({ method }, reply) => {
    // tRPC hears of clients that go from now on: it would wait for ever for one that has.
    if (method === "GET" && reply.raw.closed)
      throw new AppError("invalid_input", { detail: "The connection was closed." });
  });
  // tRPC parses the body itself.
  app.removeContentTypeParser("application/json");
  app.addContentTypeParser(
    "application/json",
    { parseAs: "buffer" },
    async (_request: FastifyRequest, body: Buffer) => toText(body),
  );
  app.setErrorHandler((error, request, reply) => {
    const shape = toTrpcShape(error, request.id);
    logFailure(request, shape.data, error);
    drainBody(request, reply);
    reply.code(shape.data.status).headers(retryHeader(shape.data)).send({ error: shape });
  });
  app.route<{ Params: { path: string } }>({
    method: ["GET", "POST"],
    url: "/:path",
    config: { load: loadOf },
    handler: (request, reply) =>
      fastifyRequestHandler({
        router,
        req: request,
        res: reply,
        // It decodes it, as is done already: `%252C` would become a comma that nobody else has seen.
        path: encodeURIComponent(request.params.path),
        createContext: () => createContext(request, services),
        responseMeta: ({ ctx, info, errors }) => ({
          headers: new Headers({
            // Where tRPC fails before it knows the calls, it sends its JSON as text.
            ...(info ? ctx?.headers : { "content-type": "application/json" }),
            // Of several calls the last one that may be tried again counts.
            ...retryHeader({ retryAfterMs: latest(errors) }),
          }),
        }),
        onError({ error }) {
          // Of a subscription that does not begin, tRPC tells twice.
          if (requestIds.has(error)) return;
          requestIds.set(error, request.id);
          const { data } = toTrpcShape(error, request.id);
          logFailure(request, data, error);
        },
      }),
  });
}

/** A batch that has a wait in it waits. */
function loadOf({ params, url }: FastifyRequest): Kind {
  const names = (params as { path: string }).path.split(",");
  if (names.includes("jobs.watch")) return "waits";
  return names.includes("jobs.get") && hasWait(names, url) ? "waits" : "work";
}

function hasWait(names: readonly string[], url: string): boolean {
  try {
    // As tRPC does: any other way to read a query takes some for another.
    const { searchParams } = new URL(url, "http://localhost");
    const input = JSON.parse(searchParams.get("input") ?? "");
    const inputs = searchParams.get("batch") === "1" ? input : [input];
    return names.some((name, index) => name === "jobs.get" && inputs[index]?.wait > 0);
  } catch {
    return false; // Then tRPC refuses it.
  }
}

const isEventStream = (payload: unknown) =>
  payload instanceof Response && payload.headers.get("content-type") === "text/event-stream";
function latest(errors: readonly TRPCError[]): number | undefined {
  const times = errors.flatMap((error) => toAppError(error).retryAfterMs ?? []);
  return times.length > 0 ? Math.max(...times) : undefined;
}
