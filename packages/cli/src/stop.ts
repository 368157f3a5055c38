import { constants } from "node:os";
import { EXIT } from "./exit-codes.ts";

/** Tells what is under way to stop: a signal has come, or `--timeout` has passed. */
export interface Stop {
  readonly signal: AbortSignal;
  /** What the program then ends with. */
  readonly exitCode: number;
  /** For people: `Interrupted`. */
  readonly why: string;
  because(signal: "SIGINT" | "SIGTERM" | "SIGHUP"): void;
  after(timeoutMs: number, text: string): void;
}

/** `setTimeout` fires at once beyond this: 24 days, in which no job is under way any more. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export function createStop(): Stop {
  const controller = new AbortController();
  const stop = {
    signal: controller.signal,
    exitCode: 0,
    why: "",
    because(name: "SIGINT" | "SIGTERM" | "SIGHUP") {
      // What shells report for a program that a signal has ended.
      stop.exitCode = 128 + constants.signals[name];
      stop.why = name === "SIGINT" ? "Interrupted" : `Stopped by ${name}`;
      controller.abort();
    },
    after(timeoutMs: number, text: string) {
      if (timeoutMs > LONGEST_TIMER_MS) return;
      setTimeout(() => {
        if (controller.signal.aborted) return;
        stop.exitCode = EXIT.timeout;
        stop.why = `Not done within ${text}`;
        controller.abort();
      }, timeoutMs).unref();
    },
  };
  return stop;
}
