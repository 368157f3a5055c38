import type { Scope } from "@avatar/contract/api-keys";
import { LIMITS } from "@avatar/contract/limits";
import type { FastifyRequest } from "fastify";
import type { ApiKeyService } from "../api-keys/api-key-service.ts";
import { type Caller, requireScope } from "../api-keys/caller.ts";
import { AppError } from "../errors.ts";
import type { Context, Services } from "../trpc/context.ts";
import type { UploadRow } from "../uploads/upload-repository.ts";
import { traceOf } from "./trace-requests.ts";

const callers = new WeakMap<FastifyRequest, Caller>();

/** To be called before the body is read, of which nothing comes in meanwhile. @throws AppError `unauthorized` */
export async function authenticate(request: FastifyRequest, apiKeys: ApiKeyService): Promise<void> {
  const { raw, socket } = request;
  const isComing = !raw.complete;
  if (isComing) socket.pause();
  try {
    callers.set(request, await apiKeys.authenticate(keyOf(request)));
  } finally {
    if (isComing) socket.resume();
  }
}

/** After a wait: the key may have ended, or lost the scope. @throws AppError `unauthorized`, `insufficient_scope` */
export async function authenticateAgain(
  request: FastifyRequest,
  apiKeys: ApiKeyService,
  scope: Scope,
): Promise<void> {
  await authenticate(request, apiKeys);
  requireScope(callerOf(request), scope);
}

function keyOf(request: FastifyRequest): string | undefined {
  const { authorization, "x-api-key": header } = request.headers;
  const bearer = /^Bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
  return bearer ?? (typeof header === "string" ? header : undefined);
}

/** Of an authenticated request. */
export function callerOf(request: FastifyRequest): Caller {
  const caller = callers.get(request);
  if (!caller) throw new Error("a route that needs a caller was not authenticated");
  return caller;
}

/** What procedures get to know of an authenticated request. */
export function createContext(
  request: FastifyRequest,
  services: Services,
  received: readonly UploadRow[] = [],
): Context {
  return {
    requestId: request.id,
    ...traceOf(request),
    caller: callerOf(request),
    authenticateAgain: (scope) => authenticateAgain(request, services.apiKeys, scope),
    services,
    idempotencyKey: readIdempotencyKey(request.headers["idempotency-key"]),
    received,
    headers: {},
  };
}

const IDEMPOTENCY_KEY = new RegExp(LIMITS.idempotencyKey.pattern);

function readIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  const { maxLength } = LIMITS.idempotencyKey;
  if (typeof header === "string" && IDEMPOTENCY_KEY.test(header) && header.length <= maxLength) return header;
  throw new AppError("invalid_input", {
    detail: `The Idempotency-Key must be 1 to ${maxLength} visible ASCII characters, for example a UUID.`,
    issues: [{ path: "Idempotency-Key", message: `expected 1 to ${maxLength} visible ASCII characters` }],
  });
}
