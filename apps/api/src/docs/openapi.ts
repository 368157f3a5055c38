import { Problem } from "@avatar/contract/error-schemas";
import { ERRORS, type ErrorCode } from "@avatar/contract/errors";
import { LIMITS } from "@avatar/contract/limits";
import { JobSettings } from "@avatar/contract/schemas";
import { generateOpenApiDocument } from "trpc-to-openapi";
import { z } from "zod";
import { type Operation, operations } from "../trpc/operations.ts";
import { router } from "../trpc/router.ts";
import { EVENTS_ERRORS, EVENTS_OPERATION } from "./openapi-events.ts";

type Json = { [key: string]: Json | undefined } | Json[] | string | number | boolean;
interface Document {
  paths: Record<string, Record<string, OperationObject>>;
  components: { schemas: Record<string, Json>; responses?: Json; headers?: Json };
  [key: string]: unknown;
}
interface OperationObject {
  operationId: string;
  parameters?: Json[];
  requestBody?: { required: boolean; content: Record<string, { schema: Json }> };
  responses: Record<string, Json>;
  security?: Json[];
}

/**
 * trpc-to-openapi's document, made true: it knows only status 200, describes error bodies that we do not send, and has
 * no forms or headers.
 */
export function createOpenApiDocument(baseUrl: string): Document {
  const document = generateOpenApiDocument(router as never, {
    title: "avatar",
    version: "1.0.0",
    description:
      "One portrait and one speech recording go in; a talking 720p video comes out. " +
      "Videos are kept for six hours. Every error is a problem (RFC 9457) with a stable `code`.",
    license: { name: "MIT", identifier: "MIT" },
    baseUrl,
    securitySchemes: {
      bearer: { type: "http", scheme: "bearer", description: "An API key, `avk_live_…` or `avk_test_…`" },
      header: { type: "apiKey", in: "header", name: "X-API-Key", description: "The same key, in a header" },
    },
    defs: { Problem: Problem as never },
  }) as unknown as Document;

  for (const [path, methods] of Object.entries(document.paths)) {
    for (const [method, object] of Object.entries(methods)) {
      const operation = operations.find((each) => each.path === path && each.method === method.toUpperCase());
      if (!operation) throw new Error(`the document has ${method} ${path}, which is not served`);
      correct(object, operation);
    }
  }
  Object.assign(document.paths, EVENT_PATHS, HEALTH_PATHS);
  for (const name of Object.keys(document.components.schemas))
    if (name.startsWith("error.")) delete document.components.schemas[name];
  document.components.headers = HEADERS;
  document.tags = [
    { name: "jobs", description: "Talking videos, from the request to the link" },
    { name: "uploads", description: "Files on their way into jobs" },
    { name: "keys", description: "API keys; those of others need the scope `admin`" },
    { name: "limits", description: "What is taken, and how long it is kept" },
    { name: "errors", description: "What can go wrong, and what to do then" },
    { name: "usage", description: "What was used, and what it cost" },
    { name: "health", description: "For load balancers; no key needed" },
  ];
  return document;
}

function correct(object: OperationObject, operation: Operation): void {
  const success = object.responses[200] as { [key: string]: Json };
  object.responses = {
    [operation.status]: { ...success, headers: successHeaders(operation) },
    ...problemResponses(operation.errors),
  };
  // Where every field may be left out, so may the body.
  const json = object.requestBody?.content["application/json"];
  const { required } = (json?.schema ?? {}) as { required?: string[] };
  if (object.requestBody) object.requestBody.required = required !== undefined;
  if (operation.name !== "jobs.create") return;
  object.parameters = [...(object.parameters ?? []), IDEMPOTENCY_KEY];
  if (object.requestBody) object.requestBody.content["multipart/form-data"] = { schema: formSchema() };
}

const statusOf = (code: ErrorCode) => ERRORS[code].status;

const problemResponses = (codes: readonly ErrorCode[]): Record<string, Json> =>
  Object.fromEntries(Object.entries(Object.groupBy(codes, statusOf)).map(problemResponse));

function problemResponse([status, codes]: [string, ErrorCode[] | undefined]): [string, Json] {
  const listed = [...new Set(codes ?? [])];
  return [
    status,
    {
      description: listed.map((code) => `\`${code}\`: ${ERRORS[code].title}`).join("\n\n"),
      headers: {
        "X-Request-Id": ref("headers", "RequestId"),
        ...((listed.includes("unavailable") || listed.includes("storage_unavailable")) && {
          "Retry-After": ref("headers", "RetryAfter"),
        }),
      },
      content: {
        "application/problem+json": {
          schema: {
            allOf: [
              ref("schemas", "Problem"),
              { type: "object", properties: { code: { type: "string", enum: listed } } },
            ],
          },
        },
      },
    },
  ];
}

const successHeaders = ({ name }: Operation): Json => ({
  "X-Request-Id": ref("headers", "RequestId"),
  ...(name === "jobs.create" && {
    Location: ref("headers", "Location"),
    "Idempotency-Replayed": ref("headers", "IdempotencyReplayed"),
  }),
});

/** The JSON settings as form fields, and the two files. `metadata` is JSON in a text field. */
function formSchema(): Json {
  const { properties } = z.toJSONSchema(JobSettings, { io: "input" }) as { properties: Record<string, Json> };
  const file = (description: string): Json => ({ type: "string", format: "binary", description });
  return {
    type: "object",
    required: ["image", "audio"],
    additionalProperties: false,
    properties: {
      ...properties,
      image: file("The portrait: JPEG, PNG or WebP"),
      audio: file("The speech: WAV, MP3, M4A/AAC, OGG/Opus or FLAC"),
    },
  };
}

const ref = (kind: "headers" | "schemas", name: string): Json => ({ $ref: `#/components/${kind}/${name}` });

const HEADERS: Json = {
  RequestId: { description: "Quote it when you report a problem", schema: { type: "string" } },
  RetryAfter: { description: "Seconds until it is worth trying again", schema: { type: "integer" } },
  Location: { description: "Path of the job", schema: { type: "string" } },
  IdempotencyReplayed: {
    description: "`true` where an earlier request with the same Idempotency-Key made the job",
    schema: { type: "string", enum: ["true"] },
  },
};

const IDEMPOTENCY_KEY: Json = {
  name: "Idempotency-Key",
  in: "header",
  description: "Any unique text, for example a UUID: repeating the request with it gives the same job",
  schema: {
    type: "string",
    minLength: 1,
    maxLength: LIMITS.idempotencyKey.maxLength,
    pattern: LIMITS.idempotencyKey.pattern,
  },
};

const healthPath = (
  operationId: string,
  summary: string,
  errors: ErrorCode[],
): Record<string, OperationObject> => {
  const ok: Json = {
    description: "It is well",
    content: {
      "application/json": {
        schema: {
          type: "object",
          properties: { status: { type: "string", const: "ok" } },
          required: ["status"],
        },
      },
    },
  };
  const operation = { operationId, summary, tags: ["health"], security: [] };
  return { get: { ...operation, responses: { 200: ok, ...problemResponses(errors) } } };
};

const HEALTH_PATHS = {
  "/healthz": healthPath("health", "The process answers", []),
  "/readyz": healthPath("readiness", "The service can do its work", ["unavailable"]),
};

const EVENT_PATHS: Record<string, Record<string, OperationObject>> = {
  "/v1/jobs/{id}/events": {
    get: {
      ...EVENTS_OPERATION,
      responses: { ...EVENTS_OPERATION.responses, ...problemResponses(EVENTS_ERRORS) },
    },
  },
};
