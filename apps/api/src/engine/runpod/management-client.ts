import { z } from "zod";

/**
 * RunPod's management API, version 2: https://docs.runpod.io/api-reference-v2. Version 1 (rest.runpod.io) ends on
 * 2026-12-01, and did not tell whether FlashBoot is on.
 */
export const MANAGEMENT_URL = "https://api.runpod.io/v2";

const Text = z.string();
const Env = z.record(Text, Text);
const Count = z.number().int().min(0);
const Positive = z.number().int().positive();
const CudaVersion = Text.regex(/^\d+\.\d+$/, "expected major.minor, for example 12.4");

/** What is to be there: the file `deploy/runpod/endpoint.json`, in the words of RunPod's requests. */
export const Deployment = z.strictObject({
  name: Text.min(1),
  type: z.literal("QUEUE"),
  image: Text,
  disk: Positive,
  env: Env,
  /** The id of a credential, for a private image. */
  registry: Text.optional(),
  gpu: z.strictObject({
    pools: z.array(Text).min(1),
    /** GPU types of these pools that are not wanted. */
    excludedTypes: z.array(Text).optional(),
    count: Positive,
    allowedCudaVersions: z.array(CudaVersion).optional(),
    minCudaVersion: CudaVersion.optional(),
  }),
  workers: z.strictObject({ min: Count, max: Count, idleTimeout: Positive.max(3600) }),
  scaling: z.discriminatedUnion("type", [
    z.strictObject({ type: z.literal("QUEUE_DELAY"), queueDelay: z.number().min(0.5) }),
    z.strictObject({ type: z.literal("REQUEST_COUNT"), requestCount: Positive }),
  ]),
  networkVolumes: z.array(Text),
  timeout: Positive,
  flashboot: z.enum(["OFF", "FLASHBOOT", "PRIORITY_FLASHBOOT"]),
});
export type Deployment = z.output<typeof Deployment>;

/** Everything else of it is only compared. */
const RemoteEndpoint = z.looseObject({
  id: Text,
  name: Text,
  type: Text.optional(),
  env: Env.nullish(),
});
export type RemoteEndpoint = z.output<typeof RemoteEndpoint>;

export class ManagementError extends Error {
  override readonly name = "ManagementError";
}

const ANSWER_MS = 30_000;

export function createManagementClient({ baseUrl, apiKey }: { baseUrl: string; apiKey: string }) {
  async function ask<T>(method: string, path: string, schema: z.ZodType<T>, body?: object): Promise<T> {
    const answer = await fetch(`${baseUrl}/${path}`, {
      method,
      headers: { authorization: `Bearer ${apiKey}`, ...(body && { "content-type": "application/json" }) },
      body: body ? JSON.stringify(body) : null,
      redirect: "error",
      signal: AbortSignal.timeout(ANSWER_MS),
    }).catch((cause: unknown) => {
      throw new ManagementError(`RunPod's management API does not answer ${method} /${path}`, { cause });
    });
    const text = await answer.text();
    if (answer.status === 401 || answer.status === 403)
      throw new ManagementError(
        "RunPod refuses the key: RUNPOD_API_KEY needs the permission to change endpoints",
      );
    if (!answer.ok)
      throw new ManagementError(
        `RunPod answers ${method} /${path} with ${answer.status}: ${text.slice(0, 500)}`,
      );
    const parsed = schema.safeParse(parseJson(text));
    if (!parsed.success)
      throw new ManagementError(`RunPod's answer to ${method} /${path} is not what its documentation says`);
    return parsed.data;
  }

  return {
    endpoints: async () =>
      (await ask("GET", "serverless", z.object({ endpoints: z.array(RemoteEndpoint) }))).endpoints,
    createEndpoint: (body: Deployment) => ask("POST", "serverless", RemoteEndpoint, body),
    updateEndpoint: (id: string, body: object) =>
      ask("PATCH", `serverless/${encodeURIComponent(id)}`, RemoteEndpoint, body),
  };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
