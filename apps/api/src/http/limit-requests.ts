import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../errors.ts";
import type { RequestLimiter, RequestWindow } from "../rate-limits/request-limiter.ts";
import { failuresOf } from "./failures.ts";
import { callerOf } from "./request-context.ts";

/** Counts the calls of a request against its key, before the body is read. What we fail to answer is not counted. */
export function limitRequests(app: FastifyInstance, limiter: RequestLimiter): void {
  const countedIn = new WeakMap<FastifyRequest, readonly RequestWindow[]>();

  app.addHook("onRequest", async (request, reply) => {
    const taken = await limiter.take(callerOf(request), callsOf(request));
    if (!taken) return;
    addHeaders(reply, taken.tightest);
    if (!taken.tightest.isGranted) throw rateLimited(taken.tightest);
    countedIn.set(request, taken.windows);
  });
  app.addHook("onResponse", async (request) => {
    const windows = countedIn.get(request);
    const failed = Math.min(failuresOf(request), callsOf(request));
    if (!windows || failed === 0) return;
    // Best effort: where the database is what failed, it cannot be written.
    await limiter.giveBack(windows, failed).catch(() => {});
  });
}

/** A tRPC client may put several into one request. */
function callsOf({ params }: FastifyRequest): number {
  const { path = "" } = (params ?? {}) as { path?: string };
  return path.split(",").length;
}

/** https://datatracker.ietf.org/doc/html/draft-ietf-httpapi-ratelimit-headers-06 */
function addHeaders(reply: FastifyReply, { limit, remaining, secondsLeft }: RequestWindow): void {
  reply.headers({
    "ratelimit-limit": limit,
    "ratelimit-remaining": remaining,
    "ratelimit-reset": Math.ceil(secondsLeft),
    "ratelimit-policy": `${limit};w=60`,
  });
}

function rateLimited({ of, limit, remaining, secondsLeft }: RequestWindow): AppError {
  const retryAfterMs = Math.ceil(secondsLeft * 1000);
  const who = of === "key" ? "key" : "child key";
  return new AppError("rate_limited", {
    detail: `The ${who} may send ${limit} requests within a minute, which begins with the first of them.`,
    retryAfterMs,
    limit: {
      of,
      name: "requestsPerMinute",
      max: limit,
      left: remaining,
      resetsAt: new Date(Date.now() + retryAfterMs).toISOString(),
    },
  });
}
