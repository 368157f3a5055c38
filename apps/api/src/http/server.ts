import { type InputLimits, LIMITS } from "@avatar/contract/limits";
import Fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from "fastify";
import type { TrustedProxies } from "../config.ts";
import { docsRoutes } from "../docs/docs-routes.ts";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import type { RequestLimiter } from "../rate-limits/request-limiter.ts";
import type { DiskObjectStore } from "../storage/disk-object-store.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { RequestEvents } from "../telemetry/request-events.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import type { Services } from "../trpc/context.ts";
import { toText } from "./body-text.ts";
import { trustProxy } from "./client-address.ts";
import { answerClientErrors } from "./client-errors.ts";
import { allowOrigins } from "./cors.ts";
import { eventRoutes } from "./event-routes.ts";
import { answerExpect } from "./expect-continue.ts";
import { finishConnections } from "./finish-connections.ts";
import { healthRoutes } from "./health-routes.ts";
import { limitRequests } from "./limit-requests.ts";
import { measureRequests } from "./measure-requests.ts";
import { type MetricsDeps, metricsRoutes } from "./metrics-routes.ts";
import { objectRoutes } from "./object-routes.ts";
import { answerOtherMethods } from "./other-methods.ts";
import { refuseBodies } from "./refuse-bodies.ts";
import { authenticate, callerOf } from "./request-context.ts";
import { restDoor } from "./rest-door.ts";
import { securityHeaders } from "./security-headers.ts";
import { sendProblem } from "./send-problem.ts";
import { type LoadLimits, shedLoad } from "./shed-load.ts";
import { cutSlowClients, type TimeLimits, toTimeLimits } from "./slow-clients.ts";
import { traceRequests } from "./trace-requests.ts";
import { trpcDoor } from "./trpc-door.ts";
import { type WebhookDeps, webhookRoutes } from "./webhook-routes.ts";

interface Deps {
  services: Services;
  requestLimiter: RequestLimiter;
  inputLimits: InputLimits;
  /** Undefined where files are kept elsewhere. */
  diskStore: DiskObjectStore | undefined;
  /** Undefined where nothing is rendered on RunPod. */
  webhooks: WebhookDeps | undefined;
  isReady: () => Promise<boolean>;
  /** Undefined where nobody may see them. */
  metrics: MetricsDeps | undefined;
  publicUrl: () => string;
  /** How often something is sent where nothing happens on a stream of events. */
  heartbeatMs: number;
  /** Undefined where the client is who opened the connection. */
  trustedProxies: TrustedProxies | undefined;
  /** Instead of the usual ones. */
  loadLimits: Partial<LoadLimits> | undefined;
  timeLimits: Partial<TimeLimits> | undefined;
  /** Of web pages that may call the API. */
  corsOrigins: readonly string[];
  newId: NewId;
  events: RequestEvents;
  tracing: Tracing;
  log: Logger;
}

export function createServer(deps: Deps): FastifyInstance {
  const { services, requestLimiter, inputLimits, diskStore, webhooks, isReady, metrics, publicUrl } = deps;
  const { heartbeatMs, newId, log } = deps;
  const timeLimits = toTimeLimits(deps.timeLimits);
  const maxFormBytes = inputLimits.image.maxBytes + inputLimits.audio.maxBytes + FORM_OVERHEAD_BYTES;
  const app = Fastify({
    loggerInstance: log as FastifyBaseLogger,
    logController: new LogController({ disableRequestLogging: true }),
    genReqId: () => newId("req"),
    trustProxy: trustProxy(deps.trustedProxies),
    bodyLimit: LIMITS.jsonBodyBytes,
    forceCloseConnections: "idle",
    return503OnClosing: false,
    // A tRPC batch has the names of all its calls in one: room for more than 100, and for no thousands, which hold up others.
    routerOptions: { maxParamLength: 2000 },
    http: {
      headersTimeout: timeLimits.headersMs,
      connectionsCheckingInterval: timeLimits.headersCheckMs,
      requestTimeout: 0,
    },
    clientErrorHandler: answerClientErrors(newId, publicUrl),
    // These come before any hook.
    frameworkErrors(error, request, reply: FastifyReply) {
      addHeaders(request, reply);
      sendProblem(error, request, reply);
    },
  });

  function addHeaders(request: FastifyRequest, reply: FastifyReply): void {
    reply.headers({ ...securityHeaders(publicUrl()), "x-request-id": request.id });
  }
  app.addHook("onRequest", async (request, reply) => addHeaders(request, reply));
  measureRequests(app, deps.events);
  traceRequests(app, deps.tracing);
  allowOrigins(app, deps.corsOrigins);
  app.addHook("onSend", async (_request, reply) => {
    if (reply.statusCode === 401) reply.header("www-authenticate", "Bearer");
  });
  finishConnections(app);
  cutSlowClients(app, timeLimits, publicUrl);
  const otherMethods = answerOtherMethods(app);
  refuseBodies(app);
  const shareLoad = shedLoad(app, deps.loadLimits);
  answerExpect(app);
  app.setErrorHandler(sendProblem);
  app.setNotFoundHandler(() => {
    throw new AppError("not_found");
  });

  app.removeContentTypeParser(["application/json", "text/plain"]);
  app.addContentTypeParser("application/json", { parseAs: "buffer" }, (_request, body, done) => {
    try {
      const text = toText(body);
      done(null, text === "" ? undefined : JSON.parse(text));
    } catch (cause) {
      done(cause instanceof AppError ? cause : new AppError("malformed_json", { cause }));
    }
  });

  app.register(healthRoutes, { isReady });
  if (metrics) app.register(metricsRoutes, metrics);
  app.register(docsRoutes, { publicUrl, limits: services.limits });
  if (diskStore) app.register(objectRoutes, { store: diskStore, shareLoad });
  if (webhooks) app.register(webhookRoutes, webhooks);
  app.register(async (authenticated) => {
    authenticated.addHook("onRequest", async (request) => {
      await authenticate(request, services.apiKeys);
      const { owner } = callerOf(request);
      // By the same name as what comes through the owner's links.
      shareLoad(request, diskStore?.tagOf(owner) ?? owner);
    });
    limitRequests(authenticated, requestLimiter);
    await authenticated.register(restDoor, { services, maxFormBytes });
    await authenticated.register(eventRoutes, { services, heartbeatMs });
    await authenticated.register(trpcDoor, { services, heartbeatMs, prefix: "/trpc" });
  });
  app.register(otherMethods);
  return app;
}

/** For the fields of a form, its boundaries and headers. */
const FORM_OVERHEAD_BYTES = 1024 * 1024;
