import type { Scope } from "@avatar/contract/api-keys";
import type { ErrorCode } from "@avatar/contract/errors";
import { initTRPC } from "@trpc/server";
import { TRPC_ERROR_CODES_BY_KEY } from "@trpc/server/rpc";
import type { OpenApiMeta } from "trpc-to-openapi";
import { requireScope } from "../api-keys/caller.ts";
import { toProblem } from "../problem.ts";
import type { Context } from "./context.ts";

export interface Meta extends OpenApiMeta {
  /** HTTP status of success through the REST door. Default 200. */
  status?: number;
  /** Which its key must have. Default: any. */
  scope?: Scope;
  /** What can go wrong, beyond what can go wrong everywhere (`COMMON_ERRORS`). */
  errors?: readonly ErrorCode[];
}

/** Which request an error is of: the formatter is not told, and a request may fail before it has a context. */
export const requestIds = new WeakMap<Error, string>();

export const trpc = initTRPC
  .context<Context>()
  .meta<Meta>()
  .create({
    errorFormatter: ({ error }) => toTrpcShape(error, requestIds.get(error) ?? ""),
    // A client that hears nothing for so long connects again.
    sse: { ping: { enabled: true, intervalMs: 15_000 }, client: { reconnectAfterInactivityMs: 45_000 } },
  });

/** The problem of the REST door, in the envelope of a tRPC error. */
export function toTrpcShape(error: unknown, requestId: string) {
  const problem = toProblem(error, requestId);
  return {
    message: problem.detail,
    code: TRPC_ERROR_CODES_BY_KEY[problem.status >= 500 ? "INTERNAL_SERVER_ERROR" : "BAD_REQUEST"],
    // tRPC takes the HTTP status of the answer from here.
    data: { ...problem, httpStatus: problem.status },
  };
}

export const COMMON_ERRORS = [
  "unauthorized",
  "rate_limited",
  "overloaded",
  "internal",
  "unavailable",
] as const satisfies readonly ErrorCode[];

/** For every key. */
export const procedure = trpc.procedure.use(({ ctx, path, next }) => ctx.traced(path, () => next()));

const procedureFor = (scope: Scope) =>
  procedure.meta({ scope }).use(({ ctx, next }) => {
    requireScope(ctx.caller, scope);
    return next();
  });
export const generateProcedure = procedureFor("generate");
export const readProcedure = procedureFor("read");
export const adminProcedure = procedureFor("admin").use(async ({ ctx, next }) => {
  requireScope(await ctx.services.apiKeys.confirm(ctx.caller), "admin");
  return next();
});
