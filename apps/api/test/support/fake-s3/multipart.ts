import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { type Answer, xmlAnswer } from "./answer.ts";
import { receiveFile, type SignedRequest, type TextRequest, writeFile } from "./bodies.ts";
import { type Bucket, type Part, removeFile } from "./bucket.ts";
import { invalidArgument, malformedXml, S3Error } from "./errors.ts";
import { readCount } from "./listings.ts";
import { keptHeaders } from "./objects.ts";
import { childrenNamed, parseXml, textsOf } from "./xml.ts";

const MIN_PART_BYTES = 5 * 1024 ** 2;
const MAX_PARTS = 10_000;

export function createMultipartUpload(bucket: Bucket, request: TextRequest): Answer {
  const { key } = request;
  const id = randomUUID();
  bucket.uploads.set(id, {
    id,
    key,
    headers: keptHeaders(request),
    createdAt: bucket.now(),
    parts: new Map(),
  });
  return xmlAnswer({ InitiateMultipartUploadResult: { Bucket: bucket.name, Key: key, UploadId: id } });
}

export async function uploadPart(bucket: Bucket, request: SignedRequest): Promise<Answer> {
  bucket.upload(request);
  const text = request.query.get("partNumber") ?? "";
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > MAX_PARTS)
    throw invalidArgument("Part number must be an integer between 1 and 10000, inclusive");
  const file = await receiveFile(request, bucket.newPath());
  const upload = bucket.uploads.get(request.query.get("uploadId") ?? "");
  // It may have been completed or aborted meanwhile.
  if (!upload) removeFile(file);
  const { parts } = bucket.upload(request);
  const before = parts.get(number);
  if (before) removeFile(before.file);
  const etag = `"${file.md5.toString("hex")}"`;
  parts.set(number, { file, etag, createdAt: bucket.now() });
  return { status: 200, headers: { etag } };
}

export function listParts(bucket: Bucket, request: TextRequest): Answer {
  const upload = bucket.upload(request);
  const max = readCount(request.query, "max-parts");
  const after = Number(request.query.get("part-number-marker") ?? 0);
  const parts = [...upload.parts].sort(([a], [b]) => a - b).filter(([number]) => number > after);
  const page = parts.slice(0, max);
  const isTruncated = page.length < parts.length;
  return xmlAnswer({
    ListPartsResult: {
      Bucket: bucket.name,
      Key: upload.key,
      UploadId: upload.id,
      PartNumberMarker: after,
      NextPartNumberMarker: isTruncated ? page.at(-1)?.[0] : undefined,
      MaxParts: max,
      IsTruncated: isTruncated,
      Part: page.map(([number, { file, etag, createdAt }]) => ({
        PartNumber: number,
        LastModified: createdAt,
        ETag: etag,
        Size: file.bytes,
      })),
    },
  });
}

export function abortMultipartUpload(bucket: Bucket, request: TextRequest): Answer {
  bucket.dropUpload(bucket.upload(request));
  return { status: 204 };
}

export async function completeMultipartUpload(bucket: Bucket, request: TextRequest): Promise<Answer> {
  bucket.checkMayPut(request);
  const upload = bucket.upload(request);
  const parts = chooseParts(request.text, upload.parts);
  checkSizes(parts);
  async function* joined() {
    for (const { file } of parts) yield* createReadStream(file.path);
  }
  const file = await writeFile(joined(), bucket.newPath());
  if (bucket.uploads.get(upload.id) !== upload) removeFile(file);
  bucket.upload(request);
  const sums = createHash("md5").update(Buffer.concat(parts.map((part) => part.file.md5)));
  const etag = `"${sums.digest("hex")}-${parts.length}"`;
  bucket.put(request, file, etag, upload.headers);
  bucket.dropUpload(upload);
  return xmlAnswer({
    CompleteMultipartUploadResult: { Bucket: bucket.name, Key: upload.key, ETag: etag },
  });
}

/** The parts that a client names, which need not be all that it sent. */
function chooseParts(document: string, parts: ReadonlyMap<number, Part>): Part[] {
  const root = parseXml(document);
  const named = childrenNamed(root, "Part").map((element) => ({
    number: Number(textsOf(element, "PartNumber")[0]),
    etag: textsOf(element, "ETag")[0] ?? "",
  }));
  if (root.name !== "CompleteMultipartUpload" || named.length === 0) throw malformedXml();
  let last = 0;
  return named.map(({ number, etag }) => {
    if (!(number > last))
      throw new S3Error(400, "InvalidPartOrder", "The list of parts was not in ascending order.");
    last = number;
    const part = parts.get(number);
    if (part && part.etag.replaceAll('"', "") === etag.replaceAll('"', "")) return part;
    throw invalidPart("One or more of the specified parts could not be found.");
  });
}

function checkSizes(parts: readonly Part[]): void {
  const sizes = parts.slice(0, -1).map(({ file }) => file.bytes);
  if (sizes.some((bytes) => bytes < MIN_PART_BYTES))
    throw new S3Error(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size");
  // R2's own rule: https://developers.cloudflare.com/r2/objects/multipart-objects/#limitations
  if (new Set(sizes).size > 1) throw invalidPart("All non-trailing parts must have the same length.");
}

const invalidPart = (message: string) => new S3Error(400, "InvalidPart", message);
