import { collectDefaultMetrics, Registry } from "prom-client";
import { createCounters } from "./counters.ts";
import { createServiceGauges, type ServiceProbes } from "./service-gauges.ts";

/** Prometheus' numbers: https://prometheus.io/docs/practices/naming/. What each means: docs/monitoring.md */
export function createMetrics(nowMs = () => performance.now()) {
  const registry = new Registry();
  const gauges = createServiceGauges([registry], nowMs);
  return {
    ...createCounters([registry]),
    setWorkers: gauges.setWorkers,
    /** From now on each scrape looks at the whole service, too, and at the process itself. */
    watch(probes: ServiceProbes): void {
      collectDefaultMetrics({ register: registry });
      gauges.watch(probes);
    },
    contentType: registry.contentType,
    /** All of them, in Prometheus' text format. */
    async render(): Promise<string> {
      await gauges.look();
      return registry.metrics();
    },
  };
}

export type Metrics = ReturnType<typeof createMetrics>;
