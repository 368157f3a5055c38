import { createHash, timingSafeEqual } from "node:crypto";
import type { FastifyInstance } from "fastify";
import { AppError } from "../errors.ts";
import type { Metrics } from "../telemetry/metrics.ts";

export interface MetricsDeps {
  metrics: Metrics;
  token: string;
}

/** `/metrics`, for Prometheus. */
export async function metricsRoutes(app: FastifyInstance, { metrics, token }: MetricsDeps): Promise<void> {
  const expected = sha256(`Bearer ${token}`);
  app.get("/metrics", { config: { load: "nothing" } }, async (request, reply) => {
    if (!timingSafeEqual(sha256(request.headers.authorization ?? ""), expected))
      throw new AppError("unauthorized");
    return reply.type(metrics.contentType).send(await metrics.render());
  });
}

const sha256 = (text: string) => createHash("sha256").update(text).digest();
