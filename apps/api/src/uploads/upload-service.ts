import { createHash } from "node:crypto";
import { type InputLimits, LIMITS, type MediaKind, type MediaType, mediaKind } from "@avatar/contract/limits";
import type { CreateUploadInput } from "@avatar/contract/schemas";
import type { Upload } from "@avatar/contract/types";
import type { z } from "zod";
import type { Caller } from "../api-keys/caller.ts";
import { AppError } from "../errors.ts";
import type { NewId } from "../ids.ts";
import { type ByteSource, objectSource } from "../media/byte-source.ts";
import type { ImageDimensions } from "../media/image-dimensions.ts";
import { inspectAudio } from "../media/inspect-audio.ts";
import { inspectImage } from "../media/inspect-image.ts";
import { type ObjectStore, ObjectTooLarge } from "../storage/object-store.ts";
import { withSniffedType } from "./file-type.ts";
import type { OpenUrl } from "./open-url.ts";
import { fileTooLarge, uploadExpired, uploadNotFound } from "./upload-errors.ts";
import type { UploadRepository, UploadRow } from "./upload-repository.ts";

interface Deps {
  uploads: UploadRepository;
  store: ObjectStore;
  openUrl: OpenUrl;
  limits: InputLimits;
  now: () => Date;
  newId: NewId;
}

export type UploadService = ReturnType<typeof createUploadService>;

/** Uploads that a process remembers to have inspected. */
const MAX_INSPECTED = 10_000;

export const uploadKey = (id: string) => `uploads/${id}`;

export function createUploadService({ uploads, store, openUrl, limits, now, newId }: Deps) {
  const inspected = new Map<string, unknown>();

  /** A file is written once: what was found in it stays true. */
  async function inspectOnce<T>(kind: MediaKind, row: UploadRow, inspect: () => Promise<T>): Promise<T> {
    if (row.deletedAt || row.expiresAt <= now()) throw uploadExpired(row.id);
    const name = `${kind} ${row.id}`;
    if (inspected.has(name)) return inspected.get(name) as T;
    const found = await inspect();
    if (inspected.size >= MAX_INSPECTED) inspected.clear();
    inspected.set(name, found);
    return found;
  }

  const row = (owner: string, contentType: MediaType) => ({
    id: newId("upload"),
    owner,
    contentType,
    createdAt: now(),
    expiresAt: new Date(now().getTime() + LIMITS.uploadTtlSeconds * 1000),
  });

  /** Makes one object of an upload that came in parts, once they are all there. */
  async function join({ id, bytes, sha256, partsToken }: UploadRow): Promise<void> {
    if (partsToken === null || bytes === null) return;
    const key = uploadKey(id);
    if (!(await store.joinParts(key, partsToken, partSizes(bytes)))) return;
    // A link to a part cannot promise the hash of the whole.
    if (sha256 !== null && sha256 !== (await hashOf(key)))
      throw new AppError("upload_mismatch", { detail: `The SHA-256 of ${id} is not the declared one.` });
    await uploads.set(id, { partsToken: null });
  }

  async function hashOf(key: string): Promise<string> {
    const hash = createHash("sha256");
    for await (const chunk of await store.read(key)) hash.update(chunk);
    return hash.digest("hex");
  }

  async function source(row: UploadRow): Promise<ByteSource> {
    await join(row);
    const object = await store.head(uploadKey(row.id));
    if (!object)
      throw new AppError("upload_incomplete", { detail: `Nothing was uploaded to ${row.id} yet.` });
    return objectSource(store, uploadKey(row.id), object.bytes);
  }

  return {
    /** Declares a file and says where to PUT it. */
    async create(caller: Caller, input: z.output<typeof CreateUploadInput>): Promise<Upload> {
      const { contentType, bytes, sha256, inParts } = input;
      if (bytes === 0) throw new AppError("empty_file");
      const { maxBytes } = limits[mediaKind(contentType)];
      if (bytes > maxBytes) throw fileTooLarge(mediaKind(contentType), maxBytes);
      const declared = { ...row(caller.owner, contentType), bytes, sha256: sha256 ?? null };
      const { id, owner, expiresAt } = declared;
      const answer = { id, method: "PUT", expiresAt: expiresAt.toISOString() } as const;
      if (!inParts) {
        const signed = { contentType, bytes, sha256, once: true, expiresAt, owner };
        const link = await store.signPut(uploadKey(id), signed);
        await uploads.insert(declared);
        return { ...answer, ...link };
      }
      const sizes = partSizes(bytes);
      const signed = { contentType, bytes: sizes, expiresAt, owner };
      const { token, links } = await store.signParts(uploadKey(id), signed);
      await uploads.insert({ ...declared, partsToken: token });
      return { ...answer, parts: links.map((link, index) => ({ ...link, bytes: sizes[index] ?? 0 })) };
    },

    /**
     * Streams a file straight into the store. Nothing stays behind if that fails.
     * @param declared its type; where undefined it is read off the first bytes
     */
    async receive(
      caller: Caller,
      kind: MediaKind,
      declared: MediaType | undefined,
      file: AsyncIterable<Uint8Array>,
    ): Promise<UploadRow> {
      const { contentType, body } = declared
        ? { contentType: declared, body: file }
        : await withSniffedType(kind, file);
      const { maxBytes } = limits[mediaKind(contentType)];
      // Before the object, so that the sweeper knows of it whatever happens.
      const inserted = await uploads.insert(row(caller.owner, contentType));
      try {
        const stored = await store.put(uploadKey(inserted.id), body, { contentType, maxBytes });
        await uploads.set(inserted.id, stored);
        return { ...inserted, ...stored };
      } catch (error) {
        await this.discard(inserted.id);
        throw error instanceof ObjectTooLarge ? fileTooLarge(mediaKind(contentType), maxBytes) : error;
      }
    },

    /** As `receive`, from a URL. */
    async fetch(caller: Caller, kind: MediaKind, url: string, signal: AbortSignal): Promise<UploadRow> {
      const { maxBytes } = limits[kind];
      try {
        const file = await openUrl(url, { signal, maxBytes });
        try {
          return await this.receive(caller, kind, undefined, file);
        } finally {
          file.close();
        }
      } catch (error) {
        throw error instanceof ObjectTooLarge ? fileTooLarge(kind, maxBytes) : error;
      }
    },

    /** Also gives an upload whose object is deleted; `inspect…` refuses that. @throws AppError `upload_not_found` */
    async get(owner: string, id: string): Promise<UploadRow> {
      const row = await uploads.find(owner, id);
      if (!row) throw uploadNotFound(id);
      return row;
    },

    /** Reads just enough of the file to know that it is an image within the limits, and its size. */
    inspectImage: (row: UploadRow): Promise<ImageDimensions> =>
      inspectOnce("image", row, async () => inspectImage(await source(row), row.contentType, limits.image)),

    /** Reads just enough of the file to know that it is audio within the limits, and its length. */
    inspectAudio: (row: UploadRow): Promise<{ seconds: number }> =>
      inspectOnce("audio", row, async () => inspectAudio(await source(row), row.contentType, limits.audio)),

    /** Removes an upload that no job uses. What cannot be deleted now is left to the sweeper. */
    async discard(id: string): Promise<void> {
      const failed = await store.delete([uploadKey(id)]);
      if (failed.length > 0) await uploads.set(id, { expiresAt: now() });
      else await uploads.remove(id);
    },
  };
}

/** Of the parts of a file of so many bytes. S3 wants all but the last to be alike. */
function partSizes(bytes: number): number[] {
  const size = LIMITS.uploadPartBytes;
  const parts = Math.ceil(bytes / size);
  return Array.from({ length: parts }, (_, index) => Math.min(size, bytes - index * size));
}
