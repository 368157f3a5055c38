import type { Logger } from "./logger.ts";
import { NO_TRACING, type Tracing, type TracingConfig } from "./tracing.ts";

/** Nothing of OpenTelemetry is loaded where nobody wants traces. */
export async function openTracing(config: TracingConfig | undefined, log: Logger): Promise<Tracing> {
  if (!config) return NO_TRACING;
  const { createOpenTelemetry } = await import("./open-telemetry.ts");
  return createOpenTelemetry(config, log);
}
