import { LIMITS } from "@avatar/contract/limits";
import type { Problem } from "@avatar/contract/types";
import type { FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../errors.ts";
import { toProblem } from "../problem.ts";
import { isAsking } from "./expect-continue.ts";
import { logFailure } from "./failures.ts";

/** Answers with what a customer may know of the error. */
export function sendProblem(error: unknown, request: FastifyRequest, reply: FastifyReply): void {
  const problem = toProblem(
    isGone(request) ? new AppError("invalid_input", { cause: error }) : error,
    request.id,
  );
  logFailure(request, problem, error);
  reply.headers(retryHeader(problem));
  drainBody(request, reply);
  reply.code(problem.status).type("application/problem+json; charset=utf-8").send(JSON.stringify(problem));
}

/** When to try again, as HTTP has it. */
export const retryHeader = ({ retryAfterMs }: Pick<Problem, "retryAfterMs">): Record<string, string> =>
  retryAfterMs === undefined ? {} : { "retry-after": String(Math.ceil(retryAfterMs / 1000)) };

/** The client went away within its request. Its connection's error is not one of ours. */
const isGone = ({ raw }: FastifyRequest) => raw.destroyed && !raw.complete;

const DRAIN_MS = 60_000;
/** Of the largest form. */
const DRAIN_BYTES = LIMITS.image.maxBytes + LIMITS.audio.maxBytes + 1024 * 1024;

/**
 * Reads what the client is still sending and drops it, within bounds. To close the connection instead would reset it,
 * and most clients would then lose the answer that says what was wrong. Who announces more than that is not read at all, and
 * who asked before sending it has nothing under way.
 */
export function drainBody({ raw }: FastifyRequest, reply: FastifyReply): void {
  if (raw.complete || raw.destroyed) return;
  if (isAsking(raw) || Number(raw.headers["content-length"]) > DRAIN_BYTES) {
    reply.header("connection", "close");
    // Node would begin to read again now, to throw it away.
    reply.raw.once("finish", () => raw.socket.destroy());
    return;
  }
  // Fastify closes where the body is too large. Else Node's own header stays: refusals that differ in nothing look alike.
  if (reply.hasHeader("connection")) reply.removeHeader("connection");
  // Node closes where the client asked for that, as soon as it is answered.
  if (!reply.raw.shouldKeepAlive) {
    reply.raw.shouldKeepAlive = true;
    raw.once("end", () => raw.socket.end());
  }
  let bytes = 0;
  const end = () => raw.socket.destroy();
  const timer = setTimeout(end, DRAIN_MS).unref();
  raw.on("data", (chunk: Uint8Array) => {
    bytes += chunk.length;
    if (bytes > DRAIN_BYTES) end();
  });
  raw.once("close", () => clearTimeout(timer));
  raw.resume();
}
