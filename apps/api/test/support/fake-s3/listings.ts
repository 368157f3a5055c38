import { type Answer, xmlAnswer } from "./answer.ts";
import type { TextRequest } from "./bodies.ts";
import type { Bucket } from "./bucket.ts";
import { invalidArgument, malformedXml } from "./errors.ts";
import { childrenNamed, parseXml, textsOf } from "./xml.ts";

const MAX_ENTRIES = 1000;

export function listObjects(bucket: Bucket, { query }: TextRequest): Answer {
  const [prefix, delimiter] = [query.get("prefix") ?? "", query.get("delimiter") ?? ""];
  const max = readCount(query, "max-keys");
  const token = query.get("continuation-token");
  const after = token === undefined ? (query.get("start-after") ?? "") : readToken(token);
  const encode = query.get("encoding-type") === "url" ? encodeURIComponent : (text: string) => text;

  // What shares a prefix up to the delimiter is one entry, which the page counts and goes on after.
  const entries = new Set<string>();
  let isTruncated = false;
  for (const key of sortedKeys(bucket).filter((each) => each.startsWith(prefix))) {
    const end = delimiter === "" ? -1 : key.indexOf(delimiter, prefix.length);
    const entry = end < 0 ? key : key.slice(0, end + delimiter.length);
    if (compareBytes(entry, after) <= 0 || entries.has(entry)) continue;
    isTruncated = entries.size === max;
    if (isTruncated) break;
    entries.add(entry);
  }
  const isGroup = (entry: string) => delimiter !== "" && entry.indexOf(delimiter, prefix.length) >= 0;
  const last = [...entries].at(-1);
  return xmlAnswer({
    ListBucketResult: {
      Name: bucket.name,
      Prefix: encode(prefix),
      Delimiter: delimiter === "" ? undefined : encode(delimiter),
      StartAfter: query.get("start-after"),
      ContinuationToken: token,
      EncodingType: query.get("encoding-type"),
      MaxKeys: max,
      KeyCount: entries.size,
      IsTruncated: isTruncated && last !== undefined,
      NextContinuationToken: isTruncated && last !== undefined ? writeToken(last) : undefined,
      Contents: [...entries]
        .filter((entry) => !isGroup(entry))
        .map((key) => {
          const { createdAt, etag, bytes } = bucket.get(key);
          const storageClass = { StorageClass: "STANDARD" };
          return { Key: encode(key), LastModified: createdAt, ETag: etag, Size: bytes, ...storageClass };
        }),
      CommonPrefixes: [...entries].filter(isGroup).map((entry) => ({ Prefix: encode(entry) })),
    },
  });
}

export function listMultipartUploads(bucket: Bucket, { query }: TextRequest): Answer {
  const prefix = query.get("prefix") ?? "";
  const max = readCount(query, "max-uploads");
  const uploads = [...bucket.uploads.values()]
    .filter(({ key }) => key.startsWith(prefix))
    .sort((a, b) => compareBytes(a.key, b.key) || a.createdAt.getTime() - b.createdAt.getTime());
  return xmlAnswer({
    ListMultipartUploadsResult: {
      Bucket: bucket.name,
      Prefix: prefix,
      MaxUploads: max,
      IsTruncated: uploads.length > max,
      Upload: uploads.slice(0, max).map(({ key, id, createdAt }) => ({
        Key: key,
        UploadId: id,
        Initiated: createdAt,
      })),
    },
  });
}

export function deleteObjects(bucket: Bucket, request: TextRequest): Answer {
  const root = parseXml(request.text);
  const keys = childrenNamed(root, "Object").map((element) => textsOf(element, "Key")[0] ?? "");
  const isQuiet = textsOf(root, "Quiet")[0] === "true";
  if (root.name !== "Delete" || keys.length === 0 || keys.length > MAX_ENTRIES || keys.includes(""))
    throw malformedXml();
  const results = keys.map((key) => ({ key, code: request.deletionError(key) }));
  const deleted = results.filter(({ code }) => code === undefined);
  const failed = results.filter(({ code }) => code !== undefined);
  for (const { key } of deleted) bucket.delete(key);
  return xmlAnswer({
    DeleteResult: {
      Deleted: isQuiet ? [] : deleted.map(({ key }) => ({ Key: key })),
      Error: failed.map(({ key, code }) => ({ Key: key, Code: code, Message: "It was not deleted." })),
    },
  });
}

/** How many entries a page may have. */
export function readCount(query: ReadonlyMap<string, string>, name: string): number {
  const text = query.get(name) ?? String(MAX_ENTRIES);
  if (!/^\d{1,9}$/.test(text)) throw invalidArgument(`${name} must be a number.`);
  return Math.min(Number(text), MAX_ENTRIES);
}

/** S3 orders keys by their bytes, JavaScript by its 16-bit units. */
const sortedKeys = (bucket: Bucket) => [...bucket.objects.keys()].sort(compareBytes);

const compareBytes = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b));

const writeToken = (key: string) => Buffer.from(key).toString("base64url");

function readToken(token: string): string {
  const key = Buffer.from(token, "base64url").toString();
  if (token === "" || writeToken(key) !== token) throw invalidArgument("The continuation token is incorrect");
  return key;
}
