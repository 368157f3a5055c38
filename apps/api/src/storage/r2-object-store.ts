import { createReadStream } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  ListPartsCommand,
  PutObjectCommand,
  S3ServiceException,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { createIncomingFiles } from "./incoming-files.ts";
import {
  type ByteRange,
  checkKey,
  ObjectNotFound,
  type ObjectStore,
  type SignedLink,
  type SignedPut,
  StorageUnavailable,
  type StoredObject,
} from "./object-store.ts";
import type { Processes } from "./processes.ts";
import { createR2Client, type R2Config, reasonOf } from "./r2-client.ts";

interface Deps {
  config: R2Config;
  /** For files on their way into the bucket. */
  directory: string;
  now: () => Date;
  processes?: Pick<Processes, "id" | "isLeftOver">;
}

/** Objects in a bucket of Cloudflare R2, or of any other store that speaks the S3 API. */
export function createR2ObjectStore({ config, directory, now, processes }: Deps): ObjectStore {
  const client = createR2Client(config);
  // S3 wants to know the size before the first byte, and takes the hash with it.
  const incoming = createIncomingFiles({ directory: join(directory, "incoming"), processes, durable: false });
  const at = (key: string) => ({ Bucket: config.bucket, Key: checkKey(key) });

  async function putFile(key: string, path: string, { bytes, sha256 }: StoredObject, contentType: string) {
    for (let attempt = 1; ; attempt++) {
      const body = createReadStream(path);
      try {
        await client.send(
          new PutObjectCommand({
            ...at(key),
            Body: body,
            ContentLength: bytes,
            ContentType: contentType,
            ChecksumSHA256: base64Of(sha256),
          }),
        );
        return;
      } catch (error) {
        // The client repeats requests by itself, but not those with a stream in them.
        if (attempt === MAX_PUTS || isRefusal(error)) throw unavailable(error);
        await delay(100 * 2 ** attempt);
      } finally {
        body.destroy();
      }
    }
  }

  /** @param signed headers that the presigner leaves unsigned, or moves into the query, unless it is told */
  async function sign(
    command: GetObjectCommand | PutObjectCommand | UploadPartCommand,
    expiresAt: Date,
    signed: readonly string[],
  ): Promise<string> {
    const signingDate = now();
    // Links know whole seconds only: their date is rounded down, and so is their end, not to outlive `expiresAt`.
    const expiresIn = Math.floor(expiresAt.getTime() / 1000) - Math.floor(signingDate.getTime() / 1000);
    return getSignedUrl(client, command as GetObjectCommand, {
      signingDate,
      expiresIn,
      signableHeaders: new Set(signed),
      unhoistableHeaders: new Set(signed),
    });
  }

  const store: ObjectStore = {
    start: incoming.start,
    stop: async () => client.destroy(),

    put: (key, body, options) =>
      incoming.receive(body, options, async (path, stored) => {
        options.signal?.throwIfAborted();
        await putFile(key, path, stored, options.contentType);
        return stored;
      }),

    async putNew(key, content, contentType) {
      const object = { ...at(key), Body: content, ContentType: contentType, IfNoneMatch: "*" };
      try {
        await client.send(new PutObjectCommand(object));
        return true;
      } catch (error) {
        if (isNamed(error, "PreconditionFailed")) return false;
        throw unavailable(error);
      }
    },

    async head(key) {
      try {
        const { ContentLength, ContentType, ETag } = await client.send(new HeadObjectCommand(at(key)));
        return { bytes: ContentLength ?? 0, etag: ETag ?? "", contentType: ContentType };
      } catch (error) {
        if (isMissing(error)) return undefined;
        throw unavailable(error);
      }
    },

    async read(key, range) {
      if (range && range.end <= range.start) return empty();
      try {
        const command = new GetObjectCommand({ ...at(key), ...(range && { Range: toHeader(range) }) });
        const { Body } = await client.send(command);
        return orUnavailable(Body as AsyncIterable<Uint8Array>);
      } catch (error) {
        throw isMissing(error) ? new ObjectNotFound(key) : unavailable(error);
      }
    },

    async delete(keys) {
      const failed: string[] = [];
      for (let start = 0; start < keys.length; start += MAX_DELETED) {
        const batch = keys.slice(start, start + MAX_DELETED);
        const Objects = batch.map((key) => ({ Key: checkKey(key) }));
        const { Errors = [] } = await client
          .send(new DeleteObjectsCommand({ Bucket: config.bucket, Delete: { Objects, Quiet: true } }))
          .catch(() => ({ Errors: Objects }));
        failed.push(...Errors.flatMap(({ Key }) => Key ?? []));
      }
      return failed;
    },

    signGet: (key, { contentType, fileName, expiresAt }) =>
      sign(
        new GetObjectCommand({
          ...at(key),
          ResponseContentType: contentType,
          ResponseContentDisposition: `attachment; filename="${fileName}"`,
          ResponseCacheControl: "private, no-store",
        }),
        expiresAt,
        [],
      ),

    async signPut(key, options) {
      const headers = headersOf(options);
      const command = new PutObjectCommand({
        ...at(key),
        ContentType: options.contentType,
        ...(options.bytes !== undefined && { ContentLength: options.bytes }),
        ...(options.once && { IfNoneMatch: "*" }),
        ...(options.sha256 !== undefined && { ChecksumSHA256: base64Of(options.sha256) }),
      });
      const url = await sign(command, options.expiresAt, Object.keys(headers).map(toLowerCase));
      return { url, headers };
    },

    async signParts(key, { contentType, bytes, expiresAt }) {
      const { UploadId } = await client
        .send(new CreateMultipartUploadCommand({ ...at(key), ContentType: contentType }))
        .catch(throwUnavailable);
      if (!UploadId) throw new StorageUnavailable("the bucket began no multipart upload");
      const links = await Promise.all(
        bytes.map(async (ContentLength, index): Promise<SignedLink> => {
          const command = new UploadPartCommand({
            ...at(key),
            UploadId,
            PartNumber: index + 1,
            ContentLength,
          });
          return { url: await sign(command, expiresAt, []), headers: {} };
        }),
      );
      return { token: UploadId, links };
    },

    async joinParts(key, token, partBytes) {
      const upload = { ...at(key), UploadId: token };
      try {
        const { Parts = [] } = await client.send(new ListPartsCommand(upload));
        if (partBytes.some((bytes, index) => Parts[index]?.Size !== bytes)) return false;
        const parts = Parts.map(({ ETag, PartNumber }) => ({ ETag, PartNumber }));
        await client.send(
          new CompleteMultipartUploadCommand({ ...upload, MultipartUpload: { Parts: parts } }),
        );
        return true;
      } catch (error) {
        // It ends when it is completed, which another request or an earlier try may have done.
        if (!isNamed(error, "NoSuchUpload")) throw unavailable(error);
        return (await store.head(key)) !== undefined;
      }
    },

    async dropParts(key, token) {
      await client
        .send(new AbortMultipartUploadCommand({ ...at(key), UploadId: token }))
        .catch((error: unknown) => {
          if (!isNamed(error, "NoSuchUpload")) throw unavailable(error);
        });
    },
  };
  return store;
}

const MAX_PUTS = 3;
/** The S3 API takes no more in one request. */
const MAX_DELETED = 1000;

const headersOf = ({ contentType, once, sha256 }: SignedPut): Record<string, string> => ({
  "Content-Type": contentType,
  ...(once && { "If-None-Match": "*" }),
  ...(sha256 !== undefined && { "x-amz-checksum-sha256": base64Of(sha256) }),
});

const base64Of = (hex: string) => Buffer.from(hex, "hex").toString("base64");
const toLowerCase = (name: string) => name.toLowerCase();
const toHeader = ({ start, end }: ByteRange) => `bytes=${start}-${end - 1}`;

async function* empty(): AsyncGenerator<Uint8Array> {}

/** A connection may break in the middle of an object. */
async function* orUnavailable(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (error) {
    throw unavailable(error);
  }
}

const isNamed = (error: unknown, ...names: string[]) => error instanceof Error && names.includes(error.name);
const isMissing = (error: unknown) => isNamed(error, "NotFound", "NoSuchKey");
/** It will be refused again. */
const isRefusal = (error: unknown) =>
  error instanceof S3ServiceException && (error.$metadata.httpStatusCode ?? 500) < 500;

/** Not the SDK's own error: that holds the request, and with it a signature. */
function unavailable(error: unknown): StorageUnavailable {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return new StorageUnavailable(`the bucket did not do it: ${name}: ${message}`, { reason: reasonOf(error) });
}

function throwUnavailable(error: unknown): never {
  throw unavailable(error);
}
