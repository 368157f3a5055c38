import { errorDocsPath } from "@avatar/contract/errors";
import { expect } from "vitest";
import { type Operation, operations } from "../../src/trpc/operations.ts";
import { expectNoLeak } from "./expect-no-leak.ts";
import type { RestAnswer } from "./rest.ts";
import type { TestApi } from "./test-api.ts";

/** A call of an operation, the same for both doors. */
export interface Call {
  input?: unknown;
  /** Raw text for the body, instead of what `input` has for it. */
  body?: string;
  /** Beside a valid key and JSON; undefined leaves one of these out. */
  headers?: Record<string, string | undefined>;
}

export function operationNamed(name: string): Operation {
  const operation = operations.find((each) => each.name === name);
  if (!operation) throw new Error(`there is no operation ${name}`);
  return operation;
}

/** Sends the call through each door and expects one answer, which gives nothing away. @returns it, as REST gave it. */
export async function throughBothDoors(api: TestApi, name: string, call: Call): Promise<RestAnswer> {
  const rest = await throughRest(api, name, call);
  const trpc = await throughTrpc(api, name, call);
  expect(comparable(name, trpc)).toEqual(comparable(name, rest));
  return rest;
}

export async function throughRest(api: TestApi, name: string, call: Call): Promise<RestAnswer> {
  const { method, path, pathParams } = operationNamed(name);
  const fields: Record<string, unknown> = isRecord(call.input) ? { ...call.input } : {};
  const url = new URL(
    path.replaceAll(/\{(\w+)\}/g, (_, param: string) => encodeURIComponent(String(fields[param]))),
    api.url,
  );
  for (const param of pathParams) delete fields[param];
  if (method === "POST") {
    const bare = pathParams.length > 0 && Object.keys(fields).length === 0;
    const json = isRecord(call.input) ? fields : call.input;
    return send(api, method, url, call.headers, call.body ?? (bare ? undefined : JSON.stringify(json)));
  }
  for (const [field, value] of Object.entries(fields)) url.searchParams.set(field, String(value));
  return send(api, method, url, call.headers, call.body);
}

/** Plain HTTP rather than a tRPC client, which sends neither broken bodies nor an Idempotency-Key per call. */
export async function throughTrpc(api: TestApi, name: string, call: Call): Promise<RestAnswer> {
  const url = new URL(`/trpc/${name}`, api.url);
  const json = JSON.stringify(call.input);
  const isQuery = operationNamed(name).type === "query";
  if (isQuery && json !== undefined) url.searchParams.set("input", json);
  const answer = isQuery
    ? await send(api, "GET", url, call.headers)
    : await send(api, "POST", url, call.headers, call.body ?? json);
  const { result, error } = answer.body;
  if (!error) return { ...answer, body: result.data };
  const { httpStatus, ...problem } = error.data;
  expect(httpStatus).toBe(answer.status);
  expect(error.message).toBe(problem.detail);
  return { ...answer, body: problem };
}

async function send(
  api: TestApi,
  method: string,
  url: URL,
  headers: Call["headers"],
  body?: string,
): Promise<RestAnswer> {
  const all = {
    authorization: `Bearer ${api.apiKey}`,
    "content-type": body === undefined ? undefined : "application/json",
    ...headers,
  };
  const present = Object.entries(all).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, value] as [string, string]],
  );
  const response = await fetch(url, {
    method,
    headers: present,
    // As bytes, because fetch gives text a content type of its own.
    ...(body !== undefined && { body: Buffer.from(body) }),
  });
  const answer = { status: response.status, headers: response.headers, body: await response.json() };
  if (answer.status >= 400) expectNoLeak(answer, [api.apiKey]);
  return answer;
}

/** What each call makes anew. */
const FRESH: Record<string, string[]> = {
  "jobs.create": ["id", "createdAt", "updatedAt", "seed"],
  "uploads.create": ["id", "url", "expiresAt"],
  "keys.create": ["id", "key", "hint", "createdAt"],
  "keys.createChild": ["id", "key", "hint", "createdAt", "expiresAt"],
  "keys.rotate": ["key", "hint", "previousUntil"],
};

/** REST has its own status for success; else the doors differ in nothing that a customer may rely on. */
function comparable(name: string, { status, headers, body }: RestAnswer) {
  const { requestId, ...problem } = body;
  if (requestId !== undefined) {
    expect(requestId).toBe(headers.get("x-request-id"));
    expect(problem).toMatchObject({ status, docs: errorDocsPath(problem.code) });
    const { retryAfterMs, limit: { resetsAt, ...limit } = {}, ...lasting } = problem;
    return { ...lasting, limit, isToRetry: retryAfterMs !== undefined, resets: resetsAt !== undefined };
  }
  expect([200, operationNamed(name).status]).toContain(status);
  const fresh = FRESH[name] ?? [];
  return Object.fromEntries(Object.entries(body).filter(([field]) => !fresh.includes(field)));
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
