import type { Problem } from "@avatar/contract/types";
import type { Metrics } from "./metrics.ts";

interface Answered {
  method: string;
  /** The pattern of its route, never its path; undefined where it has none. */
  route: string | undefined;
  status: number;
  /** What it takes a place of. */
  load: string;
  seconds: number;
}

export type RequestEvents = ReturnType<typeof createRequestEvents>;

/** What happens at the door. */
export const createRequestEvents = (metrics: Metrics) => ({
  requestAnswered({ method, route = "none", status, load, seconds }: Answered): void {
    // To a path that there is not, anybody may send any method.
    const labels = { method: route === "none" ? "any" : method, route, status_class: classOf(status), load };
    metrics.requestSeconds.observe(labels, seconds);
  },

  callFailed({ code, status, limit }: Problem): void {
    metrics.errors.inc({ code, status_class: classOf(status) });
    if (limit) metrics.refusals.inc({ code, limit: limit.name, of: limit.of });
    else if (code === "overloaded") metrics.refusals.inc({ code, limit: "load", of: "service" });
  },
});

const classOf = (status: number) => `${Math.floor(status / 100)}xx`;
