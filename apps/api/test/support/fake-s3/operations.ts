import type { Answer } from "./answer.ts";
import { receiveText, type SignedRequest, type TextRequest } from "./bodies.ts";
import type { Bucket } from "./bucket.ts";
import { notImplemented, S3Error } from "./errors.ts";
import { deleteObjects, listMultipartUploads, listObjects } from "./listings.ts";
import {
  abortMultipartUpload,
  completeMultipartUpload,
  createMultipartUpload,
  listParts,
  uploadPart,
} from "./multipart.ts";
import { deleteObject, getObject, headObject, putObject } from "./objects.ts";
import { deleteCors, getCors, getLifecycle, headBucket, putCors, putLifecycle } from "./settings.ts";
import { LINK_PARAMETERS, type S3Request } from "./wire.ts";

interface OperationBase {
  name: string;
  on: "bucket" | "object";
  method: string;
  /** The parameters that make it this operation. */
  needs?: readonly string[];
  allows?: RegExp;
  /** The `x-amz-*` headers it knows, beside those that all have. */
  amz?: RegExp;
}

type Operation = OperationBase &
  (
    | { takes: "file"; run(bucket: Bucket, request: SignedRequest): Promise<Answer> }
    | { takes: "text" | "summed text"; run(bucket: Bucket, request: TextRequest): Promise<Answer> | Answer }
  );

const OVERRIDES = /^response-(cache-control|expires|content-(type|disposition|encoding|language))$/;
const LIST_OPTIONS = /^(prefix|delimiter|max-keys|continuation-token|start-after|encoding-type|fetch-owner)$/;
const PUT_HEADERS = /^(meta-.+|checksum-sha256)$/;
const SUMS = /^(sdk-checksum-algorithm|checksum-(crc32|sha256))$/;
const [bucket, object] = [
  { on: "bucket", takes: "text" },
  { on: "object", takes: "text" },
] as const;
const [document, file] = [
  { ...bucket, takes: "summed text", amz: SUMS },
  { on: "object", takes: "file" },
] as const;

const OPERATIONS: readonly Operation[] = [
  { ...file, name: "PutObject", method: "PUT", amz: PUT_HEADERS, run: putObject },
  { ...object, name: "GetObject", method: "GET", allows: OVERRIDES, amz: /^checksum-mode$/, run: getObject },
  {
    ...object,
    name: "HeadObject",
    method: "HEAD",
    allows: OVERRIDES,
    amz: /^checksum-mode$/,
    run: headObject,
  },
  { ...object, name: "DeleteObject", method: "DELETE", run: deleteObject },
  { ...document, name: "DeleteObjects", method: "POST", needs: ["delete"], run: deleteObjects },
  {
    ...bucket,
    name: "ListObjectsV2",
    method: "GET",
    needs: ["list-type"],
    allows: LIST_OPTIONS,
    run: listObjects,
  },

  {
    ...object,
    name: "CreateMultipartUpload",
    method: "POST",
    needs: ["uploads"],
    amz: /^meta-.+$/,
    run: createMultipartUpload,
  },
  {
    ...file,
    name: "UploadPart",
    method: "PUT",
    needs: ["uploadId", "partNumber"],
    amz: /^checksum-sha256$/,
    run: uploadPart,
  },
  {
    ...object,
    name: "ListParts",
    method: "GET",
    needs: ["uploadId"],
    allows: /^(max-parts|part-number-marker)$/,
    run: listParts,
  },
  {
    ...object,
    name: "CompleteMultipartUpload",
    method: "POST",
    needs: ["uploadId"],
    run: completeMultipartUpload,
  },
  {
    ...object,
    name: "AbortMultipartUpload",
    method: "DELETE",
    needs: ["uploadId"],
    run: abortMultipartUpload,
  },
  {
    ...bucket,
    name: "ListMultipartUploads",
    method: "GET",
    needs: ["uploads"],
    allows: /^(prefix|max-uploads)$/,
    run: listMultipartUploads,
  },

  { ...bucket, name: "HeadBucket", method: "HEAD", run: headBucket },
  { ...bucket, name: "GetBucketCors", method: "GET", needs: ["cors"], run: getCors },
  { ...document, name: "PutBucketCors", method: "PUT", needs: ["cors"], run: putCors },
  { ...bucket, name: "DeleteBucketCors", method: "DELETE", needs: ["cors"], run: deleteCors },
  {
    ...bucket,
    name: "GetBucketLifecycleConfiguration",
    method: "GET",
    needs: ["lifecycle"],
    run: getLifecycle,
  },
  {
    ...document,
    name: "PutBucketLifecycleConfiguration",
    method: "PUT",
    needs: ["lifecycle"],
    run: putLifecycle,
  },
];

const COMMON_AMZ = /^(content-sha256|date|user-agent)$/;

/** By its method, whether it has a key, and its parameters: one it does not know makes it another operation. */
export function findOperation({ method, key, query, amz }: S3Request): Operation | undefined {
  const names = [...query.keys()].filter(
    (name) =>
      name !== "x-id" && !amz.has(name.toLowerCase()) && !LINK_PARAMETERS.some((each) => each === name),
  );
  return OPERATIONS.find(
    ({ on, needs = [], allows, ...operation }) =>
      operation.method === method &&
      (on === "object") === (key !== "") &&
      needs.every((name) => names.includes(name)) &&
      names.every((name) => needs.includes(name) || allows?.test(name)),
  );
}

export async function runOperation(
  operation: Operation | undefined,
  bucket: Bucket,
  request: SignedRequest,
  deletionError: TextRequest["deletionError"],
): Promise<Answer> {
  if (request.bucket !== bucket.name)
    throw new S3Error(404, "NoSuchBucket", "The specified bucket does not exist.");
  if (Buffer.byteLength(request.key) > 1024)
    throw new S3Error(400, "KeyTooLongError", "Your key is too long");
  if (!operation) throw notImplemented("This operation is not implemented");
  for (const [name, value] of request.amz) {
    const rest = name.slice("x-amz-".length);
    if (!COMMON_AMZ.test(rest) && !operation.amz?.test(rest))
      throw notImplemented(`Header '${name}' with value '${value}' not implemented`);
  }
  if (operation.takes === "file") return operation.run(bucket, request);
  const hasSum =
    request.headers.has("content-md5") ||
    [...request.amz.keys()].some((name) => /checksum-(crc32|sha256)$/.test(name));
  if (operation.takes === "summed text" && !hasSum)
    throw new S3Error(
      400,
      "InvalidRequest",
      "Missing required header for this request: Content-MD5 OR x-amz-checksum-*",
    );
  return operation.run(bucket, { ...request, deletionError, text: await receiveText(request) });
}
