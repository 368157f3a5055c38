import { setTimeout as delay } from "node:timers/promises";
import { z } from "zod";

/** RunPod's words for the state of a job. `RUNNING` is in its documentation, `IN_PROGRESS` in its answers. */
const STATUSES = [
  "IN_QUEUE",
  "IN_PROGRESS",
  "RUNNING",
  "COMPLETED",
  "FAILED",
  "CANCELLED",
  "TIMED_OUT",
] as const;

const Submitted = z.object({ id: z.string().min(1).max(200) });

const RunPodJob = z.object({
  id: z.string(),
  status: z.enum(STATUSES),
  /** Milliseconds in the queue, with the start of the worker. */
  delayTime: z.number().min(0).optional().catch(undefined),
  /** Milliseconds that the worker worked. */
  executionTime: z.number().min(0).optional().catch(undefined),
  output: z.unknown().optional(),
  error: z.unknown().optional(),
});
export type RunPodJob = z.output<typeof RunPodJob>;

const workers = z.number().int().min(0).default(0);
const Health = z.object({
  workers: z.object({
    idle: workers,
    initializing: workers,
    ready: workers,
    running: workers,
    throttled: workers,
    unhealthy: workers,
  }),
});
export type RunPodHealth = z.output<typeof Health>["workers"];

/**
 * `unclear`: it may have been done. `unavailable`: it was not, and may be later. The others will not be before the
 * operator has changed something.
 */
export type RunPodFailure =
  | "unauthorized"
  | "not_found"
  | "quota_exceeded"
  | "refused"
  | "unavailable"
  | "unclear";

/** RunPod did not do what it was asked to, or did not say so. */
export class RunPodError extends Error {
  override readonly name = "RunPodError";
  readonly failure: RunPodFailure;

  constructor(failure: RunPodFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.failure = failure;
  }
}

/** The body of `/run`: https://docs.runpod.io/serverless/endpoints/send-requests */
export interface RunRequest {
  input: object;
  webhook?: string;
  /** Milliseconds: of the work, and of its whole life. */
  policy: { executionTimeout: number; ttl: number };
}

export interface RunPodConfig {
  /** Of the API, without the endpoint; for example `https://api.runpod.ai/v2`. */
  baseUrl: string;
  endpointId: string;
  apiKey: string;
}

const ANSWER_MS = 10_000;
const MAX_ANSWER_BYTES = 4 * 1024 * 1024;
/** 429 and connections that were not made are tried again for as long as this. */
const RETRY_MS = 60_000;
/** Errors of `fetch` before a byte was sent. */
const NOT_SENT = [
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
];

export type RunPodClient = ReturnType<typeof createRunPodClient>;

/** What we need of an endpoint's API: https://docs.runpod.io/serverless/endpoints/operations */
export function createRunPodClient({ baseUrl, endpointId, apiKey }: RunPodConfig, answerMs = ANSWER_MS) {
  /** @throws RunPodError */
  async function ask<T>(
    method: "GET" | "POST",
    path: string,
    schema: z.ZodType<T>,
    { body, stop }: { body?: object; stop?: AbortSignal } = {},
  ): Promise<T> {
    let answer: Response;
    let text: string;
    const late = AbortSignal.timeout(answerMs);
    const signal = stop ? AbortSignal.any([late, stop]) : late;
    try {
      answer = await fetch(`${baseUrl}/${endpointId}/${path}`, {
        method,
        headers: {
          authorization: `Bearer ${apiKey}`,
          ...(body && { "content-type": "application/json" }),
        },
        ...(body && { body: JSON.stringify(body) }),
        redirect: "manual",
        signal,
      });
      text = await readText(answer);
    } catch (error) {
      const code = codeOf(error);
      const failure = NOT_SENT.includes(code) ? "unavailable" : "unclear";
      // Not the error itself: it may name the address, which names the endpoint.
      throw new RunPodError(failure, `${method} ${nameOf(path)}: ${signal.aborted ? "no answer" : code}`);
    }
    if (!answer.ok)
      throw new RunPodError(failureOf(answer.status, text), `${method} ${nameOf(path)}: ${answer.status}`);
    const parsed = schema.safeParse(parseJson(text));
    if (!parsed.success)
      throw new RunPodError("unclear", `${method} ${nameOf(path)}: an answer of another shape`);
    return parsed.data;
  }

  /** Again, as long as nothing was done: later each time, and not all at once. */
  async function patiently<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const untilMs = performance.now() + RETRY_MS;
    for (let attempt = 0; ; attempt++) {
      try {
        return await work();
      } catch (error) {
        const isPassing = error instanceof RunPodError && error.failure === "unavailable";
        if (!isPassing || signal.aborted || performance.now() > untilMs) throw error;
        const waitMs = Math.min(500 * 2 ** attempt, 15_000) * (0.5 + Math.random() / 2);
        await delay(waitMs, undefined, { signal }).catch(() => {}); // The next attempt, or its error, follows.
      }
    }
  }

  return {
    /** @returns RunPod's id of the job. @throws RunPodError */
    async run(request: RunRequest, signal: AbortSignal): Promise<string> {
      return (await patiently(() => ask("POST", "run", Submitted, { body: request }), signal)).id;
    },

    /** Undefined where RunPod does not know it any more. @throws RunPodError */
    async status(id: string, stop: AbortSignal): Promise<RunPodJob | undefined> {
      try {
        return await ask("GET", `status/${encodeURIComponent(id)}`, RunPodJob, { stop });
      } catch (error) {
        if (error instanceof RunPodError && error.failure === "not_found") return undefined;
        throw error;
      }
    },

    /** A job that has ended, or is not there, is fine. @throws RunPodError */
    async cancel(id: string, stop: AbortSignal): Promise<void> {
      try {
        await ask("POST", `cancel/${encodeURIComponent(id)}`, z.unknown(), { stop });
      } catch (error) {
        const isOver = error instanceof RunPodError && ["not_found", "refused"].includes(error.failure);
        if (!isOver) throw error;
      }
    },

    /** How many workers are in which state. @throws RunPodError */
    async health(): Promise<RunPodHealth> {
      return (await ask("GET", "health", Health)).workers;
    },
  };
}

const nameOf = (path: string) => path.split("/")[0];

function codeOf(error: unknown): string {
  const { cause, code, name } = error as { cause?: unknown; code?: unknown; name?: unknown };
  if (typeof code === "string") return code;
  if (typeof cause === "object" && cause !== null) return codeOf(cause);
  return String(name);
}

function failureOf(status: number, text: string): RunPodFailure {
  if (status === 429) return "unavailable";
  if (status === 402 || (status < 500 && /balance|quota|credit/i.test(text))) return "quota_exceeded";
  if (status === 401 || status === 403) return "unauthorized";
  if (status === 404) return "not_found";
  // A gateway may have passed it on before it gave up.
  return status >= 500 || status < 400 ? "unclear" : "refused";
}

async function readText(answer: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of answer.body ?? []) {
    bytes += chunk.length;
    if (bytes > MAX_ANSWER_BYTES) throw new RunPodError("unclear", "an answer that is too long");
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
