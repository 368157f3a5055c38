import type { IncomingMessage, ServerResponse } from "node:http";
import { invalidArgument, S3Error } from "./errors.ts";

/** A request as it came over the wire, with nothing believed yet. */
export interface S3Request {
  method: string;
  /** Decoded, with a slash in front. */
  path: string;
  bucket: string;
  /** Empty where the request is for the bucket. */
  key: string;
  query: ReadonlyMap<string, string>;
  /** Lower-case names; what came more than once is joined by commas. */
  headers: ReadonlyMap<string, string>;
  /** The `x-amz-*` headers, wherever they came: links may carry them in their query. */
  amz: ReadonlyMap<string, string>;
  body: IncomingMessage;
  /** Tells a client that asked first that its body is wanted. */
  wantBody(): void;
}

/** The parameters of a signed link that are about the signature, and nothing else. */
export const LINK_PARAMETERS = [
  "X-Amz-Algorithm",
  "X-Amz-Credential",
  "X-Amz-Date",
  "X-Amz-Expires",
  "X-Amz-SignedHeaders",
  "X-Amz-Signature",
] as const;

export function readRequest(body: IncomingMessage, response: ServerResponse): S3Request {
  const { method = "", url = "" } = body;
  const [, rawPath, rawQuery] = /^(\/[^?]*)(?:\?(.*))?$/s.exec(url) ?? [];
  if (rawPath === undefined) throw invalidUri();
  const path = decodeOnce(rawPath);
  const [, bucket = "", key = ""] = /^\/([^/]*)\/?(.*)$/s.exec(path) ?? [];
  const query = readQuery(rawQuery);
  const headers = readHeaders(body.rawHeaders);
  const isForSignature = new Set<string>(LINK_PARAMETERS);
  const amz = [...query]
    .filter(([name]) => !isForSignature.has(name))
    .concat([...headers])
    .map(([name, value]) => [name.toLowerCase(), value] as const)
    .filter(([name]) => name.startsWith("x-amz-"));
  const isAsked = headers.get("expect")?.toLowerCase() === "100-continue";
  // Nobody knows whether a body that was not asked for comes all the same.
  if (isAsked) response.setHeader("connection", "close");
  const wantBody = () => {
    if (!isAsked) return;
    response.removeHeader("connection");
    response.writeContinue();
  };
  return { method, path, bucket, key, query, headers, amz: new Map(amz), body, wantBody };
}

/** No part is skipped, not even an empty one: each has to be in what was signed. */
function readQuery(raw: string | undefined): Map<string, string> {
  const query = new Map<string, string>();
  if (raw === undefined) return query;
  for (const part of raw.split("&")) {
    const equals = part.includes("=") ? part.indexOf("=") : part.length;
    const [name, value] = [part.slice(0, equals), part.slice(equals + 1)].map((text) =>
      decodeOnce(text.replaceAll("+", " ")),
    ) as [string, string];
    if (query.has(name)) throw invalidArgument(`The query parameter '${name}' was sent more than once.`);
    query.set(name, value);
  }
  return query;
}

function readHeaders(raw: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i]?.toLowerCase() ?? "";
    const value = raw[i + 1]?.trim() ?? "";
    const before = headers.get(name);
    headers.set(name, before === undefined ? value : `${before},${value}`);
  }
  return headers;
}

function decodeOnce(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw invalidUri();
  }
}

const invalidUri = () => new S3Error(400, "InvalidURI", "Couldn't parse the specified URI.");
