import type { ErrorCode } from "@avatar/contract/errors";
import { Refusal } from "../problem.ts";
import { systemClock } from "../retry.ts";
import type { RouteName } from "./routes.ts";

/**
 * What happens instead of an answer.
 *
 * @example
 * fake.fail({ at: "POST /v1/jobs", kind: "lost-reply" }); // the client must not make a second job
 * fake.fail({ at: "GET /v1/jobs/{id}", kind: "rate_limited", retryAfterMs: 2000, times: 2 });
 */
export interface Fault {
  at: RouteName;
  /**
   * `reset`: the connection breaks before anything is done. `lost-reply`: it is done, then the connection breaks. `hang`: it
   * is done, and no answer ever comes. `slow`: the answer comes `delayMs` later, in real time. A code: the API refuses.
   */
  kind: "reset" | "lost-reply" | "hang" | "slow" | ErrorCode;
  /** For how many requests. Default 1. */
  times?: number;
  /** Of `slow`. Default 1000. */
  delayMs?: number;
  /** Of a code: how long the API asks to wait. */
  retryAfterMs?: number;
}

export function createFaults(given: readonly Fault[]) {
  const left: { fault: Fault; times: number }[] = [];
  const add = (...faults: readonly Fault[]) =>
    void left.push(...faults.map((fault) => ({ fault, times: fault.times ?? 1 })));
  add(...given);

  return {
    add,

    /** Does the work, or what the next fault of the route says. */
    async around(
      at: RouteName,
      signal: AbortSignal | undefined,
      work: () => Promise<Response>,
    ): Promise<Response> {
      const next = left.find(({ fault, times }) => fault.at === at && times > 0);
      if (!next) return work();
      next.times -= 1;
      const { kind, delayMs = 1000, retryAfterMs } = next.fault;
      switch (kind) {
        case "reset":
          throw new TypeError("fetch failed");
        case "lost-reply":
          await work().catch(() => {}); // A refusal is lost as well.
          throw new TypeError("fetch failed");
        case "hang":
          await work().catch(() => {});
          return untilAborted(signal);
        case "slow":
          await systemClock.sleep(delayMs, signal ?? new AbortController().signal);
          return work();
        default:
          throw new Refusal(kind, retryAfterMs === undefined ? {} : { retryAfterMs });
      }
    },
  };
}

const untilAborted = (signal: AbortSignal | undefined) =>
  new Promise<never>((_, reject) => signal?.addEventListener("abort", () => reject(signal.reason)));
