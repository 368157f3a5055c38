import { z } from "zod";

/**
 * RunPod's management API: https://docs.runpod.io/api-reference, version 0.1.0 of its OpenAPI document. Of what it
 * returns only what we compare is read.
 */
export const MANAGEMENT_URL = "https://rest.runpod.io/v1";

const Env = z.record(z.string(), z.string());
const Text = z.string();

/** What both templates and requests carry. */
const template = {
  imageName: Text,
  containerDiskInGb: z.number().int().positive(),
  volumeMountPath: Text,
  env: Env,
};
const endpoint = {
  gpuTypeIds: z.array(Text).min(1),
  gpuCount: z.number().int().positive(),
  minCudaVersion: Text,
  workersMin: z.number().int().min(0),
  workersMax: z.number().int().min(0),
  idleTimeout: z.number().int().min(1).max(3600),
  scalerType: z.enum(["QUEUE_DELAY", "REQUEST_COUNT"]),
  scalerValue: z.number().int().positive(),
  executionTimeoutMs: z.number().int().positive(),
  networkVolumeId: Text,
};

/** What is to be there: the file `deploy/runpod/endpoint.json`. */
export const Deployment = z.strictObject({
  template: z.strictObject({ name: Text.min(1), ...template }),
  // Whether FlashBoot is on is not among what RunPod tells.
  endpoint: z.strictObject({ name: Text.min(1), ...endpoint, flashboot: z.boolean() }),
});
export type Deployment = z.output<typeof Deployment>;

const RemoteTemplate = z.object({ id: Text, name: Text }).and(z.object(template).partial());
const RemoteEndpoint = z
  .object({ id: Text, name: Text, templateId: Text.optional() })
  .and(z.object(endpoint).partial());
export type RemoteTemplate = z.output<typeof RemoteTemplate>;
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
    templates: () => ask("GET", "templates?includeEndpointBoundTemplates=true", z.array(RemoteTemplate)),
    endpoints: () => ask("GET", "endpoints", z.array(RemoteEndpoint)),
    createTemplate: (body: object) => ask("POST", "templates", RemoteTemplate, body),
    updateTemplate: (id: string, body: object) =>
      ask("PATCH", `templates/${encodeURIComponent(id)}`, RemoteTemplate, body),
    createEndpoint: (body: object) => ask("POST", "endpoints", RemoteEndpoint, body),
    updateEndpoint: (id: string, body: object) =>
      ask("PATCH", `endpoints/${encodeURIComponent(id)}`, RemoteEndpoint, body),
  };
}

/** What is not set may be null there. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text, (_, value) => value ?? undefined);
  } catch {
    return undefined;
  }
}
