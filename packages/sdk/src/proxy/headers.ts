import { toHex } from "../hex.ts";

/** All that the API gets to see of the page's request: no cookies, no key, nothing about the connection. */
export async function toApiHeaders({ headers }: Request, user: string): Promise<Record<string, string>> {
  const sent: Record<string, string> = {};
  for (const name of ["accept", "content-type", "last-event-id"]) {
    const value = headers.get(name);
    if (value !== null) sent[name] = value;
  }
  const key = headers.get("idempotency-key");
  // Of each user alone: two who both say `order-7` mean two jobs.
  if (key !== null) sent["idempotency-key"] = await hashOf(JSON.stringify([user, key]));
  return sent;
}

async function hashOf(text: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return toHex(new Uint8Array(hash));
}

const ANSWERED = ["content-type", "idempotency-replayed", "retry-after", "x-accel-buffering", "x-request-id"];

/** The API's answer as the page gets it, its body still to come. How much of the key is used up stays out. */
export function toPageAnswer({ status, headers, body }: Response): Response {
  const answered = new Headers({ "cache-control": "no-store", "x-content-type-options": "nosniff" });
  for (const name of ANSWERED) {
    const value = headers.get(name);
    if (value !== null) answered.set(name, value);
  }
  return new Response(body, { status, headers: answered });
}
