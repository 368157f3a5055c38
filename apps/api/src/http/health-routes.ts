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
  const isStillReady = createReadiness(isReady);
  app.get("/readyz", { config: { load: "nothing" } }, async () => {
    if (!(await isStillReady())) throw new AppError("unavailable", { retryAfterMs: 1000 });
    return { status: "ok" };
  });
}

const FRESH_MS = 1000;

/** Anybody may ask, as often as they like: there is one look at a time, and what it found holds for a second if it was good. */
function createReadiness(isReady: () => Promise<boolean>): () => Promise<boolean> {
  let latest: Promise<boolean> | undefined;
  let untilMs = 0;

  async function look(): Promise<boolean> {
    const beganMs = performance.now();
    untilMs = Number.POSITIVE_INFINITY;
    const isGood = await isReady().catch((error: unknown) => {
      untilMs = 0;
      throw error;
    });
    untilMs = isGood ? beganMs + FRESH_MS : 0;
    return isGood;
  }

  return () => {
    if (!latest || performance.now() >= untilMs) latest = look();
    return latest;
  };
}
