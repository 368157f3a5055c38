import { randomInt } from "node:crypto";
import { Readable } from "node:stream";
import { JobIdInput, WatchJobInput } from "@avatar/contract/schemas";
import type { Job } from "@avatar/contract/types";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { requireScope } from "../api-keys/caller.ts";
import { AppError } from "../errors.ts";
import { isFinal } from "../jobs/job-lifecycle.ts";
import { toProblem } from "../problem.ts";
import type { Services } from "../trpc/context.ts";
import { tendStream } from "./event-stream.ts";
import { logFailure } from "./failures.ts";
import { authenticateAgain, callerOf } from "./request-context.ts";
import { abortedWith } from "./rest-door.ts";
import { textConverters } from "./text-fields.ts";

interface Deps {
  services: Services;
  heartbeatMs: number;
}

const URL = "/v1/jobs/:id/events";

/** The states of a job as server-sent events. */
export async function eventRoutes(app: FastifyInstance, { services, heartbeatMs }: Deps): Promise<void> {
  const handler = async (request: FastifyRequest, reply: FastifyReply) => {
    const caller = callerOf(request);
    requireScope(caller, "read");
    const { id, after } = readInput(request);
    const signal = abortedWith(reply);
    const job = await services.jobs.get(caller, { id, wait: 0 }, signal);
    reply.header("cache-control", "no-store");
    // An EventSource comes again after the end of a stream; this tells it to stop.
    if (isFinal(job.status) && job.version === after) return reply.code(204).send();

    reply.header("content-type", "text/event-stream").header("x-accel-buffering", "no");
    // Fastify would read the stream to its end.
    if (request.method === "HEAD") return reply.send();
    tendStream(reply.raw, heartbeatMs, HEARTBEAT);
    const events = toEvents(services.jobs.watch(caller, id, after, signal), request, services);
    return reply.send(Readable.from(events));
  };
  const config = { load: "waits" } as const;
  app.route({ method: ["GET", "HEAD"], url: URL, exposeHeadRoute: false, config, handler });
}

/** A comment, which clients skip. */
const HEARTBEAT = ":\n\n";

async function* toEvents(
  jobs: AsyncIterable<Job>,
  request: FastifyRequest,
  { apiKeys }: Services,
): AsyncGenerator<string> {
  // Where a server ends all its streams, not all clients come again at once.
  yield `retry: ${randomInt(1000, 3000)}\n\n`;
  try {
    for await (const job of jobs) {
      await authenticateAgain(request, apiKeys, "read");
      yield `id: ${job.version}\ndata: ${JSON.stringify(job)}\n\n`;
    }
  } catch (error) {
    // It is too late for another answer. The client gets that when it comes again.
    logFailure(request, toProblem(error, request.id), error);
  }
}

const Query = WatchJobInput.pick({ after: true });
const convert = textConverters(Query.shape);

function readInput({ params, query, headers }: FastifyRequest): { id: string; after: number } {
  const { id } = JobIdInput.parse(params);
  const fields = Object.entries(query as Record<string, unknown>).map(([name, value]) => [
    name,
    name === "after" && typeof value === "string" ? convert.after?.(value) : value,
  ]);
  const { after = 0 } = Query.parse(Object.fromEntries(fields));
  // A client that comes again repeats its URL, so what it saw last counts more.
  return { id, after: readLastEventId(headers["last-event-id"]) ?? after };
}

function readLastEventId(header: string | string[] | undefined): number | undefined {
  if (header === undefined) return undefined;
  if (WatchJobInput.shape.lastEventId.safeParse(header).success) return Number(header);
  const message = "expected the id of an event, which is a version";
  throw new AppError("invalid_input", {
    detail: `Last-Event-ID: ${message}.`,
    issues: [{ path: "Last-Event-ID", message }],
  });
}
