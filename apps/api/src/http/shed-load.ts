import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../errors.ts";

/** How many requests of each kind are taken at once. */
const LOAD_LIMITS = {
  /**
   * Requests that something is done for. Far more than are done at a time (a database has ten connections), so it is a
   * queue, and this is as long as it may get: a thousand wait about a second, which a client is better off to be told.
   */
  work: 1000,
  /** Forms and signed PUTs, which have half a megabyte of buffers each. */
  uploads: 128,
  /** Those that wait: for a job to change, for their own body, for a reader of a video. They cost memory alone. */
  waits: 10_000,
};

export type LoadLimits = typeof LOAD_LIMITS;
export type Kind = keyof LoadLimits;

declare module "fastify" {
  interface FastifyContextConfig {
    /**
     * What a request of the route takes a place of; `work` where it is left out. `nothing` is for those that are to be
     * answered however much there is to do. Never told by the text of a URL, which can be written in many ways.
     */
    load?: Kind | "nothing" | ((request: FastifyRequest) => Kind);
  }
}

const RETRY_AFTER_MS = 1000;
/** Work for a client that has gone goes on for a while; no statement takes longer than this. */
const ABANDONED_MS = 10_000;

interface Place {
  kind: Kind;
  /** Its request waits for its own body, and for nothing else. */
  isForBody: boolean;
  isAnswered: boolean;
}

/**
 * Refuses what would only wait: with 503, before its body is read or the database is asked. Not by `maxConnections`, which
 * resets connections without a word, nor by the delay of the event loop, which is as long where a render or the garbage
 * collector has it for a moment as under load.
 */
export function shedLoad(app: FastifyInstance, overrides: Partial<LoadLimits> = {}): void {
  const limits = { ...LOAD_LIMITS, ...overrides };
  const counts: Record<Kind, number> = { work: 0, uploads: 0, waits: 0 };
  const taken = new WeakMap<FastifyRequest, Place>();

  function take(request: FastifyRequest, kind: Kind, isForBody = false): void {
    if (counts[kind] >= limits[kind]) throw new AppError("overloaded", { retryAfterMs: RETRY_AFTER_MS });
    counts[kind]++;
    taken.set(request, { kind, isForBody, isAnswered: false });
  }

  function give(request: FastifyRequest): void {
    const place = taken.get(request);
    if (!place) return;
    taken.delete(request);
    counts[place.kind]--;
  }

  app.addHook("onRequest", async (request: FastifyRequest, reply: FastifyReply) => {
    const { load = "work" } = request.routeOptions.config;
    if (load === "nothing") return;
    take(request, typeof load === "function" ? load(request) : load);
    reply.raw.once("close", () => {
      const place = taken.get(request);
      if (!place || place.isAnswered || place.kind === "waits") give(request);
      else setTimeout(give, ABANDONED_MS, request).unref();
    });
  });
  // After the key was checked: a slow body must not keep others from being served.
  app.addHook("preParsing", async (request) => {
    if (taken.get(request)?.kind !== "work" || request.raw.complete) return;
    give(request);
    take(request, "waits", true);
  });
  app.addHook("preValidation", async (request) => {
    if (!taken.get(request)?.isForBody) return;
    give(request);
    take(request, "work");
  });
  app.addHook("onSend", async (request, reply) => {
    const place = taken.get(request);
    if (place) place.isAnswered = true;
    if (reply.raw.closed) give(request);
  });
}
