import { randomBytes, randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import type { Fault, FaultScript, Operation, WebhookScript } from "./faults.ts";
import type { Ledger } from "./ledger.ts";
import { Platform, type PlatformOptions, type WorkerProcess } from "./platform.ts";
import { createRateLimits, RATE_LIMITS } from "./rate-limits.ts";
import { findRoute, send } from "./routes.ts";
import { createWebhooks } from "./webhooks.ts";

export type { Fault, FaultScript, Operation, WebhookScript } from "./faults.ts";
export type { Bill, Ledger } from "./ledger.ts";
export type { Job, JobStatus, Worker, WorkerProcess } from "./platform.ts";
export { hasPythonWorker, startPythonWorker } from "./python-worker.ts";
export { simpleWorker, type Work } from "./simple-worker.ts";

export interface FakeRunPodOptions extends Partial<Omit<PlatformOptions, "spawn" | "nowMs" | "newId">> {
  /** Starts a worker; `env` is what RunPod sets for its SDK. */
  startWorker(env: Record<string, string>): WorkerProcess;
  apiKey?: string;
  endpointId?: string;
  rateLimits?: Partial<Record<Operation, number>>;
  webhookRetryMs?: number;
  /** How long a worker's question for work, or for what to stop, is held. */
  pollMs?: number;
}

/** RunPod's endpoint API and what its workers talk to, on one port, with one endpoint. */
export interface FakeRunPod {
  /** To be followed by `/<endpoint id>/run`. */
  baseUrl: string;
  apiKey: string;
  endpointId: string;
  platform: Platform;
  ledger: Ledger;
  /** Every request, in the order in which they came. */
  requests: Operation[];
  /** Webhooks that were sent, and what they were answered with. */
  webhooks: readonly { jobId: string; status: number | undefined }[];
  /** Undefined: everything passes. */
  faults: FaultScript | undefined;
  webhookFaults: WebhookScript | undefined;
  stop(): Promise<void>;
}

export async function startFakeRunPod(options: FakeRunPodOptions): Promise<FakeRunPod> {
  const {
    startWorker,
    apiKey = `rpa_${randomBytes(20).toString("hex")}`,
    endpointId = "endpoint0",
    rateLimits = RATE_LIMITS,
    webhookRetryMs = 10_000,
    pollMs = 20_000,
    ...platformOptions
  } = options;
  const workerKey = randomBytes(20).toString("hex");
  const nowMs = () => performance.now();
  let origin = "";

  const platform = new Platform({
    workersMax: 3,
    initializeMs: 0,
    idleTimeoutMs: 5000,
    stopGraceMs: 10_000,
    queueDelayMs: 4000,
    retentionMs: 30 * 60_000,
    whenWorkerDies: "requeue",
    ...platformOptions,
    nowMs,
    newId: () => randomUUID(),
    spawn(workerId) {
      const base = `${origin}/v2/${endpointId}`;
      return startWorker({
        RUNPOD_WEBHOOK_GET_JOB: `${base}/job-take/$ID?gpu=L40S`,
        RUNPOD_WEBHOOK_POST_OUTPUT: `${base}/job-done/$RUNPOD_POD_ID/$ID?gpu=L40S`,
        RUNPOD_WEBHOOK_PING: `${base}/ping/$RUNPOD_POD_ID`,
        RUNPOD_POD_ID: workerId,
        RUNPOD_AI_API_KEY: workerKey,
        RUNPOD_SKIP_AUTO_SYSTEM_CHECKS: "true",
        RUNPOD_SKIP_GPU_CHECK: "true",
      });
    },
  });
  const webhooks = createWebhooks({ retryMs: webhookRetryMs, script: () => fake.webhookFaults });
  platform.on("ended", webhooks.announce);

  const isWithinRate = createRateLimits(rateLimits, nowMs);
  const stopping = new AbortController();

  async function respond(message: IncomingMessage, response: ServerResponse): Promise<void> {
    const route = findRoute(platform, endpointId, pollMs, message);
    if (!route) return send(response, { status: 404, body: { error: "not found" } });
    fake.requests.push(route.operation);
    const key = message.headers.authorization?.replace(/^Bearer /, "");
    if (key !== (route.isOfWorker ? workerKey : apiKey))
      return send(response, { status: 401, body: { error: "unauthorized" } });
    if (!isWithinRate(route.operation))
      return send(response, { status: 429, body: { error: "too many requests" } });

    const fault: Fault | undefined = fake.faults?.(route.operation, route.jobId);
    if (fault === "reset") return void message.socket.destroy();
    if (typeof fault === "object" && "status" in fault) return send(response, { body: {}, ...fault });
    const closed = new AbortController();
    response.once("close", () => closed.abort());
    const answer = await route.answer(message, AbortSignal.any([closed.signal, stopping.signal]));
    if (fault === "reset after") return void message.socket.destroy();
    if (fault === "garbage") return void response.end("<html>502");
    if (typeof fault === "object" && "statusAfter" in fault)
      return send(response, { status: fault.statusAfter, body: {} });
    if (typeof fault === "object" && "delayMs" in fault)
      await delay(fault.delayMs, undefined, { signal: stopping.signal }).catch(() => {});
    send(response, answer);
  }

  const server = createServer((message, response) => {
    // A worker that was killed leaves its long polls; a body that is no JSON gets no answer.
    respond(message, response).catch(() => message.socket.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (typeof address !== "object" || !address) throw new Error("the server has no port");
  origin = `http://127.0.0.1:${address.port}`;

  const fake: FakeRunPod = {
    baseUrl: `${origin}/v2`,
    apiKey,
    endpointId,
    platform,
    ledger: platform.ledger,
    requests: [],
    webhooks: webhooks.delivered,
    faults: undefined,
    webhookFaults: undefined,
    async stop() {
      await platform.stop();
      stopping.abort();
      await webhooks.stop();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
  return fake;
}
