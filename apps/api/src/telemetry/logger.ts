import { type DestinationStream, destination, type Logger as PinoLogger, pino } from "pino";
import { describeError } from "./describe-error.ts";

export type Logger = PinoLogger;

/** JSON lines on stderr; stdout is for people. */
export function createLogger(level: string, stream: DestinationStream = destination(2)): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      serializers: { err: (error: unknown) => describeError(error) },
      redact: ["authorization", "apiKey", "url", "*.authorization", "*.apiKey", "*.url"],
    },
    stream,
  );
}
