import { ERRORS } from "@avatar/contract/errors";
import { callTRPCProcedure } from "@trpc/server";
import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { requireScope } from "../api-keys/caller.ts";
import { AppError } from "../errors.ts";
import { toAppError } from "../problem.ts";
import type { Services } from "../trpc/context.ts";
import { type Operation, operations } from "../trpc/operations.ts";
import { router } from "../trpc/router.ts";
import type { UploadRow } from "../uploads/upload-repository.ts";
import { receiveForm } from "./form.ts";
import { authenticateAgain, createContext } from "./request-context.ts";
import type { Kind } from "./shed-load.ts";
import { textConverters } from "./text-fields.ts";

interface Deps {
  services: Services;
  /** Of a form with two of the largest files. */
  maxFormBytes: number;
}

/**
 * Serves every procedure as REST, from its `openapi` meta. Not by trpc-to-openapi's own handlers: they change the shared
 * schemas, so that after one REST call the tRPC door accepts `"3"` for a number, and they do not decode path ids.
 */
export async function restDoor(app: FastifyInstance, deps: Deps): Promise<void> {
  app.addContentTypeParser("multipart/form-data", (_request, payload, done) => done(null, payload));
  for (const operation of operations)
    app.route({
      method: operation.method,
      url: routeUrl(operation),
      config: { load: loadOf(operation) },
      handler: handlerFor(operation, deps),
    });
}

const routeUrl = ({ path }: Operation) => path.replaceAll(/\{(\w+)\}/g, ":$1");

function loadOf({ name }: Operation): (request: FastifyRequest) => Kind {
  switch (name) {
    case "jobs.get":
      return ({ query }) => (Number((query as { wait?: unknown }).wait) > 0 ? "waits" : "work");
    case "jobs.create":
      return (request) => (isForm(request) ? "uploads" : "work");
    default:
      return () => "work";
  }
}

function handlerFor(operation: Operation, { services, maxFormBytes }: Deps) {
  const convert = textConverters(operation.shape);

  const call = async (
    input: unknown,
    request: FastifyRequest,
    reply: FastifyReply,
    received?: readonly UploadRow[],
  ) => {
    const ctx = createContext(request, services, received);
    const data = await callTRPCProcedure({
      router,
      path: operation.name,
      type: operation.type,
      ctx,
      getRawInput: async () => input,
      signal: abortedWith(reply),
      batchIndex: 0,
    });
    reply.code(operation.status).headers(ctx.headers);
    return data;
  };

  return async (request: FastifyRequest, reply: FastifyReply) => {
    if (operation.name === "jobs.create" && isForm(request)) {
      const { caller } = createContext(request, services);
      requireScope(caller, "generate");
      refuseQuery(request);
      const form = await receiveForm(request, caller, services.uploads, maxFormBytes);
      try {
        // A form may be on its way for long.
        await authenticateAgain(request, services.apiKeys, "generate");
        const job = await call(form.input, request, reply, form.received);
        // Where an earlier request made the job, it holds other uploads than these.
        if (reply.hasHeader("idempotency-replayed")) await form.discard();
        return job;
      } catch (error) {
        if (isWithoutJob(error)) await form.discard();
        throw error;
      }
    }
    if (isForm(request)) throw new AppError("unsupported_content_type");
    return call(readInput(operation, convert, request), request, reply);
  };
}

/** Of what goes wrong on our side nobody knows whether a job was made before: the sweeper will see. */
const isWithoutJob = (error: unknown) => {
  const { code } = toAppError(error);
  return ERRORS[code].status < 500 || code === "storage_unavailable";
};

const isForm = (request: FastifyRequest) =>
  request.headers["content-type"]?.toLowerCase().startsWith("multipart/form-data") === true;

function readInput(
  { method, pathParams }: Operation,
  convert: Record<string, (text: string) => unknown>,
  request: FastifyRequest,
): unknown {
  const params = request.params as Record<string, string>;
  const query = request.query as Record<string, unknown>;
  if (method === "POST") {
    const { body = {} } = request;
    refuseQuery(request);
    if (typeof body !== "object" || body === null || Array.isArray(body)) return body;
    const twice = pathParams.filter((name) => Object.hasOwn(body, name));
    if (twice.length > 0) throw unknownFields(twice);
    return { ...body, ...params };
  }
  if (request.body !== undefined && request.body !== null)
    throw new AppError("invalid_input", { detail: `A ${method} request has no body.` });
  const converted = Object.entries(query).map(([name, value]) => {
    if (pathParams.includes(name)) throw unknownFields([name]);
    // A field that does not exist stays as it is, for the schema to name it.
    const toValue = Object.hasOwn(convert, name) ? convert[name] : undefined;
    return [name, toValue && typeof value === "string" ? toValue(value) : value];
  });
  return { ...Object.fromEntries(converted), ...params };
}

/** A POST has all its fields in its body. */
function refuseQuery({ query }: FastifyRequest): void {
  const names = Object.keys(query as object);
  if (names.length > 0) throw unknownFields(names);
}

const unknownFields = (names: string[]) =>
  new AppError("unknown_field", {
    detail: `There is no field ${names.map((name) => name.slice(0, 100)).join(", ")}.`,
    issues: names.map((name) => ({ path: name.slice(0, 100), message: "There is no such field" })),
  });

/** Aborts when the client goes away before it has its answer. */
export function abortedWith(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  if (reply.raw.closed) gone.abort();
  reply.raw.once("close", () => {
    // Also comes after the answer; an abort costs a stack trace.
    if (!reply.raw.writableFinished) gone.abort();
  });
  return gone.signal;
}
