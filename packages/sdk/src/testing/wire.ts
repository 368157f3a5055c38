import type { ErrorCode } from "@avatar/contract/errors";
import type { Issue } from "@avatar/contract/types";
import { Refusal } from "../problem.ts";

/** A request, as routes read it. */
export interface WireRequest {
  /** Up to where the API begins, for links to itself. */
  base: string;
  query: URLSearchParams;
  headers: Headers;
  bytes: Uint8Array<ArrayBuffer>;
  /** What the route's path has in place of `{id}`. */
  id: string;
  signal: AbortSignal | undefined;
}

/** A route's answer: JSON, or whatever it answers itself. */
export type Route = (request: WireRequest) => Response | Promise<Response>;

export const refuse = (code: ErrorCode, detail?: string) => new Refusal(code, detail ? { detail } : {});

/** `unknown_field` where nothing else is wrong. */
export function refuseFields(wrong: readonly Issue[], unknown: readonly string[]): void {
  const issues = [...wrong, ...unknown.map((path) => ({ path, message: "There is no such field" }))];
  if (issues.length === 0) return;
  const detail = `${issues.map(({ path, message }) => `${path}: ${message}`).join("; ")}.`;
  throw new Refusal(wrong.length > 0 ? "invalid_input" : "unknown_field", { detail, issues });
}

export const keyOf = (headers: Headers): string =>
  /^Bearer +(\S+) *$/i.exec(headers.get("authorization") ?? "")?.[1] ?? headers.get("x-api-key") ?? "";

export function readObject(bytes: Uint8Array): Record<string, unknown> {
  const value = parse(new TextDecoder().decode(bytes));
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw new Refusal("invalid_input", { issues: [{ path: "", message: "expected an object" }] });
}

function parse(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    throw new Refusal("malformed_json");
  }
}

export const answer = (body: unknown, status = 200, headers: Record<string, string> = {}): Response =>
  new Response(JSON.stringify(body), {
    status,
    headers: { "content-type": "application/json; charset=utf-8", "cache-control": "no-store", ...headers },
  });

export const toIso = (ms: number): string => new Date(ms).toISOString();
