import { ERRORS, type ErrorCode, errorDocsPath } from "@avatar/contract/errors";
import type { Issue, Problem } from "@avatar/contract/types";
import { TRPCError } from "@trpc/server";
import { z } from "zod";
import { isDatabaseUnavailable } from "./db/unavailable.ts";
import { AppError } from "./errors.ts";
import { StorageUnavailable } from "./storage/object-store.ts";

const RETRY_AFTER_MS = 1000;

const TOO_LONG = "The path is too long. Send the calls of a batch in several requests.";

/** What a customer may know of an error. Anything unexpected becomes `internal`, without its message. */
export function toProblem(error: unknown, requestId: string): Problem {
  const { code, message, issues, retryAfterMs, limit } = toAppError(error);
  const { status, title, hint } = ERRORS[code];
  const docs = errorDocsPath(code);
  return {
    type: docs,
    title,
    status,
    code,
    detail: message,
    hint,
    docs,
    requestId,
    ...(issues && { issues }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
    ...(limit && { limit }),
  };
}

export function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error;
  if (isDatabaseUnavailable(error))
    return new AppError("unavailable", { retryAfterMs: RETRY_AFTER_MS, cause: error });
  if (error instanceof StorageUnavailable)
    return new AppError("storage_unavailable", { retryAfterMs: RETRY_AFTER_MS, cause: error });
  if (error instanceof z.ZodError) return fromZod(error);
  if (error instanceof TRPCError) return fromTrpc(error);
  if (error instanceof Error && "code" in error) {
    if (error.code === "FST_ERR_MAX_PARAM_LENGTH")
      return new AppError("invalid_input", { detail: TOO_LONG, cause: error });
    const code = FASTIFY_CODES[String(error.code)];
    if (code) return new AppError(code, { cause: error });
    // Whatever else Fastify holds against a request.
    if ("statusCode" in error && Number(error.statusCode) < 500)
      return new AppError("invalid_input", { cause: error });
  }
  return new AppError("internal", { cause: error });
}

function fromTrpc(error: TRPCError): AppError {
  // Output that does not match its schema also carries a ZodError, and is our fault.
  const ofCaller = error.code === "BAD_REQUEST";
  if (ofCaller && error.cause instanceof SyntaxError)
    return new AppError("malformed_json", { cause: error.cause });
  if (error.cause && (ofCaller || !(error.cause instanceof z.ZodError))) {
    const cause = toAppError(error.cause);
    if (cause.code !== "internal") return cause;
  }
  return new AppError(TRPC_CODES[error.code] ?? "internal", { cause: error });
}

function fromZod(error: z.ZodError): AppError {
  const issues: Issue[] = error.issues.flatMap((issue) =>
    issue.code === "unrecognized_keys"
      ? issue.keys.map((key) => ({ path: [...issue.path, key].join("."), message: "There is no such field" }))
      : [{ path: issue.path.join("."), message: messageOf(issue) }],
  );
  const onlyUnknown = error.issues.every((issue) => issue.code === "unrecognized_keys");
  const named = issues
    .slice(0, MAX_ISSUES)
    .map(({ path, message }) => ({ path: path.slice(0, 100), message }));
  const said = named.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join("; ");
  const more = issues.length > MAX_ISSUES ? `; and ${issues.length - MAX_ISSUES} more` : "";
  return new AppError(onlyUnknown ? "unknown_field" : "invalid_input", {
    detail: `${said}${more}.`,
    issues: named,
  });
}

/** In words for those who wrote JSON: zod speaks of `undefined`, and tells what is wrong with a name one level below. */
function messageOf(issue: z.core.$ZodIssue): string {
  const { code, path, message } = issue;
  if (code === "invalid_key") return issue.issues[0]?.message ?? message;
  const isMissing = code === "invalid_type" && path.length > 0 && message.endsWith("received undefined");
  return isMissing ? "This field is missing" : message;
}

/** Else a small request full of unknown fields would get a large answer. */
const MAX_ISSUES = 20;

const FASTIFY_CODES: Record<string, ErrorCode> = {
  FST_ERR_BAD_URL: "not_found",
  FST_ERR_CTP_BODY_TOO_LARGE: "body_too_large",
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: "invalid_input",
  FST_ERR_CTP_INVALID_JSON_BODY: "malformed_json",
  FST_ERR_CTP_INVALID_MEDIA_TYPE: "unsupported_content_type",
  FST_ERR_MAX_PARAM_LENGTH: "invalid_input",
};

const TRPC_CODES: Partial<Record<TRPCError["code"], ErrorCode>> = {
  BAD_REQUEST: "invalid_input",
  METHOD_NOT_SUPPORTED: "method_not_allowed",
  NOT_FOUND: "not_found",
  PARSE_ERROR: "malformed_json",
  PAYLOAD_TOO_LARGE: "body_too_large",
  UNSUPPORTED_MEDIA_TYPE: "unsupported_content_type",
};
