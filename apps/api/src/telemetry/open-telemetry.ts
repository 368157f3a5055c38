import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as delay } from "node:timers/promises";
import {
  type Context,
  defaultTextMapGetter,
  type Span as OtelSpan,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
} from "@opentelemetry/api";
import { setGlobalErrorHandler, W3CTraceContextPropagator } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import {
  defaultResource,
  detectResources,
  resourceAttributesEnvDetector,
  resourceFromAttributes,
} from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import type { Logger } from "./logger.ts";
import type { Attributes, Span, SpanOptions, Tracing, TracingConfig } from "./tracing.ts";

const STOP_MS = 2000;
const KINDS = { server: SpanKind.SERVER, client: SpanKind.CLIENT };

/**
 * Spans go to a collector over OTLP/HTTP. Nothing is patched, and nothing is global but the handler of its errors. Not by
 * @opentelemetry/sdk-node, which brings gRPC, logs and metrics along.
 */
export function createOpenTelemetry({ endpoint, serviceName, share }: TracingConfig, log: Logger): Tracing {
  const notSent = (error: unknown) => log.warn({ err: error }, "traces were not sent");
  setGlobalErrorHandler(notSent);
  const named = resourceFromAttributes({ "service.name": serviceName });
  const resource = detectResources({ detectors: [resourceAttributesEnvDetector] });
  const provider = new TracerProvider({
    resource: defaultResource().merge(resource).merge(named),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(share) }),
    spanProcessors: [
      new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: `${endpoint}/v1/traces` }) }),
    ],
  });
  const tracer = provider.getTracer("avatar");
  const propagator = new W3CTraceContextPropagator();
  const atHand = new AsyncLocalStorage<OtelSpan>();

  function below(parent: string | undefined): Context {
    if (parent !== undefined)
      return propagator.extract(ROOT_CONTEXT, { traceparent: parent }, defaultTextMapGetter);
    const span = atHand.getStore();
    return span ? trace.setSpan(ROOT_CONTEXT, span) : ROOT_CONTEXT;
  }

  function start(name: string, { parent, kind, startedAt, attributes }: SpanOptions = {}): OtelSpan {
    const options = {
      ...(kind && { kind: KINDS[kind] }),
      ...(startedAt && { startTime: startedAt }),
      ...(attributes && { attributes }),
    };
    return tracer.startSpan(name, options, below(parent));
  }

  function tell(span: OtelSpan, attributes: Attributes, failed: string | undefined): void {
    for (const [name, value] of Object.entries(attributes))
      if (value !== undefined) span.setAttribute(name, value);
    if (failed === undefined) return;
    span.setAttribute("error.type", failed);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }

  return {
    isOn: true,
    begin(name, options): Span {
      const span = start(name, options);
      return {
        run: (work) => atHand.run(span, work),
        end(attributes = {}, failed) {
          tell(span, attributes, failed);
          span.end();
        },
      };
    },
    record: (name, startedAt, endedAt, options) => start(name, { ...options, startedAt }).end(endedAt),
    note(attributes, failed) {
      const span = atHand.getStore();
      if (span) tell(span, attributes, failed);
    },
    traceparent() {
      const span = atHand.getStore();
      if (!span) return undefined;
      const carrier: { traceparent?: string } = {};
      propagator.inject(trace.setSpan(ROOT_CONTEXT, span), carrier, {
        set: (to, name, value) => Object.assign(to, { [name]: value }),
      });
      return carrier.traceparent;
    },
    isWithin: () => atHand.getStore() !== undefined,
    // A collector that is away keeps no server from stopping.
    stop: () => Promise.race([provider.shutdown().catch(notSent), delay(STOP_MS, undefined, { ref: false })]),
  };
}
