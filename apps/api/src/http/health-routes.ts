import type { FastifyInstance } from "fastify";
import { AppError } from "../errors.ts";

/**
 * `/healthz`: the process answers. `/readyz`: it can also do its work. Who asks decides whether this process lives, and
 * gets requests.
 */
export async function healthRoutes(
  app: FastifyInstance,
  { isReady }: { isReady: () => Promise<boolean> },
): Promise<void> {
  app.get("/healthz", { config: { load: "nothing" } }, async () => ({ status: "ok" }));
  app.get("/readyz", { config: { load: "nothing" } }, async () => {
    if (!(await isReady())) throw new AppError("unavailable", { retryAfterMs: 1000 });
    return { status: "ok" };
  });
}
