import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { AppError } from "../errors.ts";
import { refuse } from "./client-errors.ts";
import { hasBody } from "./refuse-bodies.ts";

const TIME_LIMITS = {
  /** From the connection, or the first byte of a request, to the end of its headers. */
  headersMs: 10_000,
  /** How often is looked whether headers are late. */
  headersCheckMs: 5000,
  /** For a body, and a second more for each so many bytes of it that came. */
  bodyMs: 30_000,
  bodyBytesPerSecond: 8 * 1024,
  /** Without a byte of the answer being taken. nginx waits as long; a player that paused asks for the rest later. */
  answerMs: 60_000,
};

export type TimeLimits = typeof TIME_LIMITS;

export const toTimeLimits = (overrides: Partial<TimeLimits> = {}): TimeLimits => ({
  ...TIME_LIMITS,
  ...overrides,
});

const bodyIsLate = () => new AppError("request_timeout", { detail: "The body did not arrive in time." });

/**
 * Cuts off who sends a body slowly, or does not read the answer; Node does so for headers. Not by its `requestTimeout`,
 * which is one for a few bytes and for 100 MB, nor by a timeout of the socket, which one byte a minute keeps off.
 */
export function cutSlowClients(app: FastifyInstance, limits: TimeLimits, publicUrl: () => string): void {
  const { bodyMs, bodyBytesPerSecond, answerMs } = limits;

  function watchBody(request: FastifyRequest, reply: FastifyReply): void {
    const { raw, socket } = request;
    const startedAt = performance.now();
    const bytesBefore = socket.bytesRead;
    const look = () => {
      if (raw.complete) return;
      const allowedMs = bodyMs + ((socket.bytesRead - bytesBefore) / bodyBytesPerSecond) * 1000;
      const leftMs = allowedMs - (performance.now() - startedAt);
      if (leftMs > 0) timer = setTimeout(look, leftMs).unref();
      // Whoever reads the body sees the connection end within it.
      else if (reply.raw.headersSent) socket.destroy();
      else refuse(socket, bodyIsLate(), request.id, publicUrl());
    };
    let timer = setTimeout(look, bodyMs).unref();
    raw.once("close", () => clearTimeout(timer));
  }

  app.addHook("onRequest", async (request, reply) => {
    if (hasBody(request)) watchBody(request, reply);
  });
  app.addHook("onSend", async (request) => {
    request.socket.setTimeout(answerMs); // Until Node sets its own, once the answer is sent.
  });
}
