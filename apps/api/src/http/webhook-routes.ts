import type { FastifyInstance } from "fastify";
import { AppError } from "../errors.ts";

export interface WebhookDeps {
  isFromRunPod: (runId: string, token: string) => boolean;
  /** Wakes whoever follows a run of the job, in whichever process. */
  publish: (jobId: string) => void;
}

interface Target {
  Params: { jobId: string; runId: string };
  Querystring: { token?: unknown };
}

/** RunPod says that something happened. What, it is asked for: nothing in the body is believed, or even read. */
export async function webhookRoutes(
  app: FastifyInstance,
  { isFromRunPod, publish }: WebhookDeps,
): Promise<void> {
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, payload, done) => {
    payload.resume();
    done(null);
  });
  app.post<Target>("/webhooks/runpod/:jobId/:runId", async ({ params, query }, reply) => {
    if (!isFromRunPod(params.runId, String(query.token))) throw new AppError("unauthorized");
    publish(params.jobId);
    return reply.send({ received: true });
  });
}
