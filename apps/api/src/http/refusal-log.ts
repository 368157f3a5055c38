import type { FastifyBaseLogger } from "fastify";

const EVERY_MS = 1000;

/** Tells at once that requests are refused, and then once a second how many were. */
export function createRefusalLog(log: Pick<FastifyBaseLogger, "warn">) {
  let refused = 0;
  let timer: NodeJS.Timeout | undefined;

  function tell(): void {
    timer = undefined;
    if (refused === 0) return;
    log.warn({ refused }, "requests were refused, as more is to be done than can be at once");
    refused = 0;
    timer = setTimeout(tell, EVERY_MS).unref();
  }

  return {
    note(): void {
      refused++;
      if (!timer) tell();
    },
    stop(): void {
      clearTimeout(timer);
      tell();
      clearTimeout(timer);
    },
  };
}
