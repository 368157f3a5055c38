import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../errors.ts";
import type { RequestLimiter, RequestWindow } from "../rate-limits/request-limiter.ts";
import { failuresOf } from "./failures.ts";
import { callerOf } from "./request-context.ts";

/** Counts the calls of a request against its key, before the body is read. What we fail to answer is not counted. */
export function limitRequests(app: FastifyInstance, limiter: RequestLimiter): void {
  const countedIn = new WeakMap<FastifyRequest, readonly RequestWindow[]>();

  app.addHook("onRequest", async (request, reply) => {
    const [caller, calls] = [callerOf(request), callsOf(request)];
    const taken = await limiter.take(caller, calls);
    if (!taken) return;
    const { tightest, windows } = taken;
    // A child key is in a browser, where nobody is to know what its parent sends.
    const own = caller.childKeyId === undefined ? "key" : "childKey";
    const told = [tightest, ...windows].find(({ of }) => of === own);
    if (told) addHeaders(reply, told);
    if (!tightest.isGranted) throw rateLimited(tightest, calls, tightest === told);
    countedIn.set(request, windows);
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

/** @param isShown whether amounts are for the caller to know */
function rateLimited(
  { of, limit, remaining, secondsLeft }: RequestWindow,
  calls: number,
  isShown: boolean,
): AppError {
  const resetsInMs = Math.ceil(secondsLeft * 1000);
  // A batch of more calls than a minute may have is never let through.
  const isTooLarge = calls > limit;
  return new AppError("rate_limited", {
    detail: isShown ? say(of, limit, calls) : "The key that made this one has sent too many within a minute.",
    ...(!isTooLarge && { retryAfterMs: resetsInMs }),
    limit: {
      of,
      name: "requestsPerMinute",
      ...(isShown && { max: limit, left: remaining }),
      resetsAt: new Date(Date.now() + resetsInMs).toISOString(),
    },
  });
}

function say(of: RequestWindow["of"], limit: number, calls: number): string {
  const who = of === "key" ? "key" : "child key";
  const may = `The ${who} may send ${limit} requests within a minute`;
  if (calls > limit) return `${may}; this batch alone has ${calls}. Send fewer calls at once.`;
  return `${may}, which begins with the first of them.`;
}
