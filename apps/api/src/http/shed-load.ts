import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../errors.ts";
import { createRefusalLog } from "./refusal-log.ts";

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
  /** Of each kind, what the requests of one owner may take: others are served whatever one of them does. */
  ownerShare: 1 / 2,
};

export type LoadLimits = typeof LOAD_LIMITS;
export type Kind = Exclude<keyof LoadLimits, "ownerShare">;

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
  /** Whose request it is, once that is known. */
  of: string | undefined;
  /** Its request waits for its own body, and for nothing else. */
  isForBody: boolean;
  isAnswered: boolean;
}

/** To be told whose a request is, as soon as that is known. @throws AppError `overloaded` beyond the owner's share */
export type ShareLoad = (request: FastifyRequest, of: string | undefined) => void;

const BEYOND_SHARE = "As many requests of one owner are at hand as may be at once.";

/** What the request takes a place of. */
export function loadOf(request: FastifyRequest): Kind | "nothing" {
  const { load = "work" } = request.routeOptions.config;
  return typeof load === "function" ? load(request) : load;
}

/**
 * Refuses what would only wait: with 503, before its body is read or the database is asked. Not by `maxConnections`, which
 * resets connections without a word, nor by the delay of the event loop, which is as long where a render or the garbage
 * collector has it for a moment as under load.
 */
export function shedLoad(app: FastifyInstance, overrides: Partial<LoadLimits> = {}): ShareLoad {
  const limits = { ...LOAD_LIMITS, ...overrides };
  const held = { work: createCounts(), uploads: createCounts(), waits: createCounts() };
  const taken = new WeakMap<FastifyRequest, Place>();
  const refusals = createRefusalLog(app.log);
  app.addHook("onClose", async () => refusals.stop());

  function refuse(detail?: string): never {
    refusals.note();
    throw new AppError("overloaded", { ...(detail && { detail }), retryAfterMs: RETRY_AFTER_MS });
  }

  function take(request: FastifyRequest, kind: Kind, of?: string, isForBody = false): void {
    const [all, byOwner] = [limits[kind], Math.max(Math.floor(limits[kind] * limits.ownerShare), 1)];
    if (held[kind].all >= all) refuse();
    if (of !== undefined && held[kind].of(of) >= byOwner) refuse(BEYOND_SHARE);
    held[kind].add(of, 1);
    taken.set(request, { kind, of, isForBody, isAnswered: false });
  }

  function give(request: FastifyRequest): void {
    const place = taken.get(request);
    if (!place) return;
    taken.delete(request);
    held[place.kind].add(place.of, -1);
  }

  function move(request: FastifyRequest, kind: Kind, of: string | undefined, isForBody = false): void {
    give(request);
    take(request, kind, of, isForBody);
  }

  app.addHook("onRequest", async (request: FastifyRequest, reply: FastifyReply) => {
    const load = loadOf(request);
    if (load === "nothing") return;
    take(request, load);
    reply.raw.once("close", () => {
      const place = taken.get(request);
      if (!place || place.isAnswered || place.kind === "waits") give(request);
      else setTimeout(give, ABANDONED_MS, request).unref();
    });
  });
  // After the key was checked: a slow body must not keep others from being served.
  app.addHook("preParsing", async (request) => {
    const place = taken.get(request);
    if (place?.kind === "work" && !request.raw.complete) move(request, "waits", place.of, true);
  });
  app.addHook("preValidation", async (request) => {
    const place = taken.get(request);
    if (place?.isForBody) move(request, "work", place.of);
  });
  app.addHook("onSend", async (request, reply) => {
    const place = taken.get(request);
    if (place) place.isAnswered = true;
    if (reply.raw.closed) give(request);
  });

  return (request, of) => {
    const place = taken.get(request);
    if (place && of !== undefined) move(request, place.kind, of);
  };
}

function createCounts() {
  const byOwner = new Map<string, number>();
  return {
    all: 0,
    of: (owner: string): number => byOwner.get(owner) ?? 0,
    add(owner: string | undefined, change: 1 | -1): void {
      this.all += change;
      if (owner === undefined) return;
      const count = this.of(owner) + change;
      if (count === 0) byOwner.delete(owner);
      else byOwner.set(owner, count);
    },
  };
}
