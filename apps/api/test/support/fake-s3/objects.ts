import { openSync } from "node:fs";
import type { Answer } from "./answer.ts";
import { receiveFile, type SignedRequest } from "./bodies.ts";
import { type Bucket, matchesEtag, type StoredObject } from "./bucket.ts";
import { preconditionFailed, S3Error } from "./errors.ts";

const KEPT_HEADERS = [
  "cache-control",
  "content-disposition",
  "content-encoding",
  "content-language",
  "content-type",
  "expires",
];

/** The headers of a request that come back with the object. */
export function keptHeaders({ headers, amz }: SignedRequest): Record<string, string> {
  const kept = [...headers].filter(([name]) => KEPT_HEADERS.includes(name));
  const metadata = [...amz].filter(([name]) => name.startsWith("x-amz-meta-"));
  return { "content-type": "binary/octet-stream", ...Object.fromEntries([...kept, ...metadata]) };
}

export async function putObject(bucket: Bucket, request: SignedRequest): Promise<Answer> {
  bucket.checkMayPut(request);
  const file = await receiveFile(request, bucket.newPath());
  const checksum = request.amz.get("x-amz-checksum-sha256");
  const headers = { ...(checksum !== undefined && { "x-amz-checksum-sha256": checksum }) };
  const etag = `"${file.md5.toString("hex")}"`;
  bucket.put(request, file, etag, { ...keptHeaders(request), ...headers });
  return { status: 200, headers: { etag, ...headers } };
}

export function getObject(bucket: Bucket, request: SignedRequest): Answer {
  const object = bucket.get(request.key);
  checkMayGet(request, object);
  const range = readRange(request.headers.get("range"), object.bytes);
  const headers = headersOf(request, object);
  const body = { descriptor: openSync(object.path, "r"), from: 0, to: object.bytes };
  if (!range) return { status: 200, headers, body };
  const { "x-amz-checksum-sha256": _, ...ofPart } = headers;
  const contentRange = `bytes ${range.from}-${range.to - 1}/${object.bytes}`;
  return { status: 206, headers: { ...ofPart, "content-range": contentRange }, body: { ...body, ...range } };
}

export function headObject(bucket: Bucket, request: SignedRequest): Answer {
  const object = bucket.get(request.key);
  checkMayGet(request, object);
  const headers = { ...headersOf(request, object), "content-length": String(object.bytes) };
  return { status: 200, headers };
}

export function deleteObject(bucket: Bucket, request: SignedRequest): Answer {
  bucket.delete(request.key);
  return { status: 204 };
}

function headersOf({ query, amz }: SignedRequest, object: StoredObject): Record<string, string> {
  const { "x-amz-checksum-sha256": checksum, ...headers } = object.headers;
  const overrides = KEPT_HEADERS.flatMap((name) => {
    const value = query.get(`response-${name}`);
    return value === undefined ? [] : [[name, value]];
  });
  const isChecksumWanted = amz.get("x-amz-checksum-mode")?.toUpperCase() === "ENABLED";
  return {
    ...headers,
    ...Object.fromEntries(overrides),
    ...(isChecksumWanted && checksum !== undefined && { "x-amz-checksum-sha256": checksum }),
    "accept-ranges": "bytes",
    etag: object.etag,
    "last-modified": object.createdAt.toUTCString(),
  };
}

function checkMayGet({ headers }: SignedRequest, { etag, createdAt }: StoredObject): void {
  const modifiedAt = Math.floor(createdAt.getTime() / 1000) * 1000;
  const [ifMatch, ifNoneMatch] = [headers.get("if-match"), headers.get("if-none-match")];
  const since = Date.parse(headers.get("if-modified-since") ?? "");
  const unmodifiedSince = Date.parse(headers.get("if-unmodified-since") ?? "");
  if (ifMatch !== undefined ? !matchesEtag(ifMatch, etag) : modifiedAt > unmodifiedSince)
    throw preconditionFailed();
  if (ifNoneMatch !== undefined ? matchesEtag(ifNoneMatch, etag) : modifiedAt <= since)
    throw new S3Error(304, "NotModified", "Not Modified", { etag });
}

/** As S3 does, what is no single range of bytes is not looked at. `to` is not included. */
function readRange(header: string | undefined, bytes: number): { from: number; to: number } | undefined {
  const [, first, last] = /^bytes=(\d*)-(\d*)$/.exec(header ?? "") ?? [];
  if (first === undefined || last === undefined || first + last === "") return undefined;
  const from = first === "" ? Math.max(0, bytes - Number(last)) : Number(first);
  const to = first === "" || last === "" ? bytes : Math.min(bytes, Number(last) + 1);
  if (first !== "" && last !== "" && Number(last) < Number(first)) return undefined;
  if (from < to) return { from, to };
  throw new S3Error(416, "InvalidRange", "The requested range is not satisfiable", {
    "content-range": `bytes */${bytes}`,
  });
}
