import type { IncomingMessage, ServerResponse } from "node:http";
import type { Operation } from "./faults.ts";
import type { Platform } from "./platform.ts";
import { toStatus } from "./to-status.ts";

export interface Answer {
  status: number;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface Route {
  operation: Operation;
  jobId: string | undefined;
  /** Whose key it takes: that of customers, or that of workers. */
  isOfWorker: boolean;
  answer(message: IncomingMessage, closed: AbortSignal): Promise<Answer>;
}

const MIB = 1024 * 1024;
const MAX_RUN_BYTES = 10 * MIB;
const DEFAULT_EXECUTION_MS = 600_000;
const DEFAULT_TTL_MS = 86_400_000;
const WEEK_MS = 7 * 86_400_000;

/** The part of the endpoint API that we call, and the control plane of the workers. Undefined for other paths. */
export function findRoute(
  platform: Platform,
  endpointId: string,
  pollMs: number,
  message: IncomingMessage,
): Route | undefined {
  const url = new URL(message.url ?? "/", "http://fake");
  const [version, endpoint, operation, first = "", second = ""] = url.pathname.split("/").slice(1);
  if (version !== "v2" || endpoint !== endpointId) return undefined;
  const route = (jobId: string | undefined, answer: Route["answer"], isOfWorker = false): Route => ({
    operation: operation as Operation,
    jobId,
    isOfWorker,
    answer,
  });
  switch (`${message.method} ${operation}`) {
    case "POST run":
      return route(undefined, async () => run(platform, await read(message)));
    case "GET status":
      return route(first, async () => {
        const job = platform.jobs.get(first);
        return job ? { status: 200, body: toStatus(job) } : NO_SUCH_JOB;
      });
    case "POST cancel":
      return route(first, async () =>
        platform.cancel(first) ? { status: 200, body: { id: first, status: "CANCELLED" } } : NO_SUCH_JOB,
      );
    case "GET health":
      return route(undefined, async () => ({ status: 200, body: platform.health() }));
    case "GET job-take":
      return route(
        undefined,
        async (_, closed) => {
          const job = await nextOf(platform, "queued", pollMs, closed, () => platform.take(first));
          return job ? { status: 200, body: { id: job.id, input: job.input } } : { status: 204 };
        },
        true,
      );
    case "GET job-stop":
      return route(
        undefined,
        async (_, closed) => {
          const jobsToStop = await nextOf(platform, "stopJob", pollMs, closed, () =>
            platform.takeStops(first),
          );
          return jobsToStop ? { status: 200, body: { jobsToStop } } : { status: 204 };
        },
        true,
      );
    case "POST job-done":
      return route(
        second,
        async () => {
          const result = JSON.parse((await read(message)).toString());
          if (result.status === "IN_PROGRESS") platform.progress(first, second, result.output);
          else platform.finish(first, second, result);
          return { status: 200, body: {} };
        },
        true,
      );
    case "GET ping":
      return route(undefined, async () => ({ status: 200, body: {} }), true);
  }
  return undefined;
}

const NO_SUCH_JOB: Answer = { status: 404, body: { error: "request does not exist" } };

function run(platform: Platform, body: Buffer): Answer {
  if (body.length > MAX_RUN_BYTES) return { status: 413, body: { error: "payload too large" } };
  const { input, webhook, policy = {} } = JSON.parse(body.toString());
  const { executionTimeout = DEFAULT_EXECUTION_MS, ttl = DEFAULT_TTL_MS } = policy;
  const isWithin = (ms: unknown, least: number) => typeof ms === "number" && ms >= least && ms <= WEEK_MS;
  if (input === undefined || !isWithin(executionTimeout, 5000) || !isWithin(ttl, 10_000))
    return { status: 400, body: { error: "bad request" } };
  const job = platform.submit(input, { webhook, executionTimeoutMs: executionTimeout, ttlMs: ttl });
  return { status: 200, body: { id: job.id, status: job.status } };
}

/** Looks at once, and again at each event, until there is something, the time is up, or nobody listens any more. */
function nextOf<T>(
  platform: Platform,
  event: "queued" | "stopJob",
  pollMs: number,
  closed: AbortSignal,
  look: () => T | undefined,
): Promise<T | undefined> {
  return new Promise((resolve) => {
    const end = (found: T | undefined) => {
      clearTimeout(timer);
      platform.off(event, again);
      closed.removeEventListener("abort", give);
      resolve(found);
    };
    const again = () => {
      const found = closed.aborted ? undefined : look();
      if (found !== undefined) end(found);
    };
    const give = () => end(undefined);
    const timer = setTimeout(give, pollMs);
    closed.addEventListener("abort", give);
    platform.on(event, again);
    again();
  });
}

async function read(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of message) chunks.push(chunk);
  return Buffer.concat(chunks);
}

export function send(response: ServerResponse, { status, body, headers }: Answer): void {
  const content = body === undefined ? "" : JSON.stringify(body);
  response.writeHead(status, {
    ...(content && { "content-type": "application/json" }),
    "content-length": Buffer.byteLength(content),
    ...headers,
  });
  response.end(content);
}
