import type { FastifyInstance } from "fastify";
import { AppError } from "../errors.ts";

/** `/healthz`: the process answers. `/readyz`: it can also do its work. */
export async function healthRoutes(
  app: FastifyInstance,
  { isReady }: { isReady: () => Promise<boolean> },
): Promise<void> {
  app.get("/healthz", async () => ({ status: "ok" }));
  app.get("/readyz", async () => {
    if (!(await isReady())) throw new AppError("unavailable", { retryAfterMs: 1000 });
    return { status: "ok" };
  });
}
