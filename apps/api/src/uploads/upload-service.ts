import { LIMITS, type MediaType, mediaKind } from "@avatar/contract/limits";
import type { CreateUploadInput, Upload } from "@avatar/contract/types";
import type { Caller } from "../api-keys/api-key-service.ts";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import { type ByteSource, objectSource } from "../media/byte-source.ts";
import { inspectAudio } from "../media/inspect-audio.ts";
import { inspectImage } from "../media/inspect-image.ts";
import { type ObjectStore, ObjectTooLarge } from "../storage/object-store.ts";
import { uploadNotFound } from "./upload-not-found.ts";
import type { UploadRepository, UploadRow } from "./upload-repository.ts";

interface Deps {
  uploads: UploadRepository;
  store: ObjectStore;
  now: () => Date;
  newId: NewId;
}

export type UploadService = ReturnType<typeof createUploadService>;

export const uploadKey = (id: string) => `uploads/${id}`;

export function createUploadService({ uploads, store, now, newId }: Deps) {
  const expiry = () => new Date(now().getTime() + LIMITS.uploadTtlSeconds * 1000);
  const insert = (owner: string, contentType: MediaType, bytes: number | null, sha256: string | null) =>
    uploads.insert({
      id: newId("upload"),
      owner,
      contentType,
      bytes,
      sha256,
      createdAt: now(),
      expiresAt: expiry(),
    });

  async function source(row: UploadRow): Promise<ByteSource> {
    if (row.deletedAt || row.expiresAt <= now()) throw uploadNotFound(row.id);
    const object = await store.head(uploadKey(row.id));
    if (!object)
      throw new AppError("upload_incomplete", { detail: `Nothing was uploaded to ${row.id} yet.` });
    return objectSource(store, uploadKey(row.id), object.bytes);
  }

  return {
    /** Declares a file and says where to PUT it. */
    async create(caller: Caller, input: CreateUploadInput): Promise<Upload> {
      const { contentType, bytes, sha256 } = input;
      if (bytes === 0) throw new AppError("empty_file");
      const { maxBytes } = LIMITS[mediaKind(contentType)];
      if (bytes > maxBytes) throw tooLarge(contentType, maxBytes);
      const row = await insert(caller.owner, contentType, bytes, sha256 ?? null);
      const signed = await store.signPut(uploadKey(row.id), {
        contentType,
        bytes,
        sha256,
        expiresAt: row.expiresAt,
      });
      return { id: row.id, method: "PUT", ...signed, expiresAt: row.expiresAt.toISOString() };
    },

    /** Streams a file that came in a form straight into the store. Nothing stays behind if that fails. */
    async receive(
      caller: Caller,
      contentType: MediaType,
      body: AsyncIterable<Uint8Array>,
    ): Promise<UploadRow> {
      const { maxBytes } = LIMITS[mediaKind(contentType)];
      const row = await insert(caller.owner, contentType, null, null);
      try {
        const { bytes, sha256 } = await store.put(uploadKey(row.id), body, { contentType, maxBytes });
        await uploads.setReceived(row.id, bytes, sha256);
        return { ...row, bytes, sha256 };
      } catch (error) {
        await this.discard(row.id);
        throw error instanceof ObjectTooLarge ? tooLarge(contentType, maxBytes) : error;
      }
    },

    /** Also gives an upload whose object is deleted; `inspect…` refuses that. @throws AppError `upload_not_found` */
    async get(owner: string, id: string): Promise<UploadRow> {
      const row = await uploads.find(owner, id);
      if (!row) throw uploadNotFound(id);
      return row;
    },

    /** Reads just enough of the file to know that it is an image within the limits. */
    async inspectImage(row: UploadRow): Promise<void> {
      await inspectImage(await source(row), row.contentType, LIMITS.image);
    },

    /** Reads just enough of the file to know that it is audio within the limits, and its length. */
    async inspectAudio(row: UploadRow): Promise<{ seconds: number }> {
      return inspectAudio(await source(row), row.contentType, LIMITS.audio);
    },

    /** Removes an upload that no job uses. */
    async discard(id: string): Promise<void> {
      await store.delete([uploadKey(id)]);
      await uploads.remove(id);
    },
  };
}

function tooLarge(contentType: MediaType, maxBytes: number): AppError {
  const kind = mediaKind(contentType);
  return new AppError(kind === "image" ? "image_too_large" : "audio_too_large", {
    detail: `The ${kind} file has more than ${maxBytes} bytes.`,
  });
}
