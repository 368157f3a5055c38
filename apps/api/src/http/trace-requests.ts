import type { FastifyInstance, FastifyRequest } from "fastify";
import { inSpan, type Span, type Tracing } from "../telemetry/tracing.ts";
import type { Context } from "../trpc/context.ts";

const spans = new WeakMap<FastifyRequest, { span: Span; tracing: Tracing }>();

/** A span for each request, below that of the client who sends a `traceparent`. Not for who asks all the time how we are. */
export function traceRequests(app: FastifyInstance, tracing: Tracing): void {
  if (!tracing.isOn) return;
  app.addHook("onRequest", async (request) => {
    const { url, config } = request.routeOptions;
    if (url === undefined || config.load === "nothing") return;
    const { traceparent } = request.headers;
    const span = tracing.begin(`${request.method} ${url}`, {
      kind: "server",
      ...(typeof traceparent === "string" && { parent: traceparent }),
      attributes: {
        "http.request.method": request.method,
        "http.route": url,
        "avatar.request.id": request.id,
      },
    });
    spans.set(request, { span, tracing });
  });
  app.addHook("onResponse", async (request, { statusCode }) => {
    const failed = statusCode >= 500 ? String(statusCode) : undefined;
    spans.get(request)?.span.end({ "http.response.status_code": statusCode }, failed);
  });
}

/** What procedures need to tell of what they do in the trace of their request. */
export function traceOf(request: FastifyRequest): Pick<Context, "traced" | "traceparent"> {
  const traced = spans.get(request);
  if (!traced) return { traced: (_name, work) => work(), traceparent: () => undefined };
  const { span, tracing } = traced;
  return {
    traced: (name, work) => span.run(() => inSpan(tracing, name, {}, work)),
    traceparent: tracing.traceparent,
  };
}
