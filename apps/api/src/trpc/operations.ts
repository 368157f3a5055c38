import type { Scope } from "@avatar/contract/api-keys";
import type { ErrorCode } from "@avatar/contract/errors";
import type { ProcedureType } from "@trpc/server";
import type { z } from "zod";
import { COMMON_ERRORS, type Meta } from "./init.ts";
import { router } from "./router.ts";

/** One procedure with all that the REST door and the OpenAPI document need of it. */
export interface Operation {
  /** For example `jobs.create`. */
  name: string;
  type: ProcedureType;
  method: "GET" | "POST" | "DELETE";
  /** For example `/v1/jobs/{id}`. */
  path: string;
  pathParams: string[];
  /** HTTP status of success. */
  status: number;
  errors: ErrorCode[];
  /** Which its key must have; undefined: any. */
  scope: Scope | undefined;
  /** The fields of the input. */
  shape: Record<string, z.ZodType>;
}

/** What tRPC keeps of a procedure at run time; its types do not give it away. */
interface ProcedureDef {
  type: ProcedureType;
  meta?: Meta;
  inputs: [z.ZodObject];
}

const procedures = router._def.procedures as unknown as Record<string, { _def: ProcedureDef }>;

/** REST has routes of their own for subscriptions. */
const calls = Object.entries(procedures).filter(([, { _def }]) => _def.type !== "subscription");

export const operations: readonly Operation[] = calls.map(([name, { _def }]) => {
  const { openapi, status = 200, errors = [], scope } = _def.meta ?? {};
  if (!openapi) throw new Error(`procedure ${name} lacks openapi meta`);
  const { method, path } = openapi;
  if (method !== "GET" && method !== "POST" && method !== "DELETE")
    throw new Error(`${name}: ${method} is not served`);
  const { shape } = _def.inputs[0];
  const fieldErrors: ErrorCode[] = Object.keys(shape).length > 0 ? ["invalid_input"] : [];
  const scopeErrors: ErrorCode[] = scope ? ["insufficient_scope"] : [];
  const bodyErrors: ErrorCode[] =
    method === "GET" ? [] : ["malformed_json", "body_too_large", "unsupported_content_type"];
  return {
    name,
    type: _def.type,
    method,
    path,
    pathParams: [...path.matchAll(/\{(\w+)\}/g)].flatMap((match) => match[1] ?? []),
    status,
    errors: [...fieldErrors, "unknown_field", ...bodyErrors, ...COMMON_ERRORS, ...scopeErrors, ...errors],
    scope,
    shape,
  };
});
