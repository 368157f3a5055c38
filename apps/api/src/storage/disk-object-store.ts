import { createReadStream } from "node:fs";
import { access, constants, link, mkdir, open, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { AppError } from "../errors.ts";
import { ignoreMissing, onDisk } from "./disk-errors.ts";
import { createIncomingFiles } from "./incoming-files.ts";
import {
  type ByteRange,
  checkKey,
  type ObjectFacts,
  ObjectNotFound,
  type ObjectStore,
  type PutOptions,
  type SignedGet,
  type SignedPut,
  type StoredObject,
} from "./object-store.ts";
import { type Place, placeDurably } from "./place-durably.ts";
import type { Processes } from "./processes.ts";
import { createLinkSigner } from "./signed-links.ts";

interface Deps {
  directory: string;
  /** Where customers reach `http/object-routes.ts`; known only once the server listens. */
  publicUrl: () => string;
  signingSecret: Uint8Array | string;
  now: () => Date;
  /** Those that share the directory; by default this one has it for itself. */
  processes?: Pick<Processes, "id" | "isLeftOver">;
}

export type DiskObjectStore = ReturnType<typeof createDiskObjectStore>;

/** Objects as files under `<directory>/objects/<key>`. */
export function createDiskObjectStore({ directory, publicUrl, signingSecret, now, processes }: Deps) {
  const objects = join(directory, "objects");
  const incoming = createIncomingFiles({ directory: join(directory, "incoming"), processes, durable: true });
  const signer = createLinkSigner({ secret: signingSecret, now });
  const pathOf = (key: string) => join(objects, checkKey(key));
  const urlOf = (link: string) => `${publicUrl()}/objects/${link}`;

  async function write(
    key: string,
    body: AsyncIterable<Uint8Array>,
    options: Omit<PutOptions, "contentType">,
    place: Place = rename,
    check: (stored: StoredObject) => void = () => {},
  ): Promise<StoredObject> {
    const path = pathOf(key);
    return incoming.receive(body, options, async (received, stored) => {
      check(stored);
      await onDisk(() => placeDurably(received, path, place));
      return stored;
    });
  }

  const head = async (key: string): Promise<ObjectFacts | undefined> => {
    const found = await onDisk(() => stat(pathOf(key), { bigint: true }).catch(ignoreMissing));
    if (!found?.isFile()) return undefined;
    const { ino, mtimeNs, size } = found;
    // The inode too: two writes within a tick of the file system's clock have the same time.
    return {
      bytes: Number(size),
      etag: `"${ino.toString(16)}-${mtimeNs.toString(16)}-${size.toString(16)}"`,
    };
  };

  const remove = async (key: string): Promise<void> => {
    const path = pathOf(key);
    await rm(path, { force: true });
    // `videos/<job>/` goes with its last video; a directory that is in use refuses.
    if (dirname(dirname(path)) !== objects) await rmdir(dirname(path)).catch(() => {});
  };

  const dropParts = (key: string) =>
    onDisk(() => rm(dirname(pathOf(partKey(key, 0))), { recursive: true, force: true }));

  return {
    async start(): Promise<void> {
      await mkdir(objects, { recursive: true });
      await access(objects, constants.W_OK);
      await incoming.start();
    },

    put: (key: string, body: AsyncIterable<Uint8Array>, options: PutOptions) => write(key, body, options),

    async putNew(key: string, content: Uint8Array): Promise<boolean> {
      try {
        await write(key, Readable.from([content]), {}, placeOnce);
        return true;
      } catch (error) {
        if (error instanceof AppError && error.code === "upload_exists") return false;
        throw error;
      }
    },

    /** Takes what a PUT link promised. @throws AppError `upload_mismatch`, `upload_exists` */
    async putSigned(
      { key, bytes, sha256, once }: SignedPut & { key: string },
      body: AsyncIterable<Uint8Array>,
    ): Promise<void> {
      if (once && (await head(key))) throw new AppError("upload_exists");
      const mismatch = (detail: string) => new AppError("upload_mismatch", { detail });
      await write(key, body, { maxBytes: bytes ?? MAX_BYTES }, once ? placeOnce : rename, (stored) => {
        if (bytes !== undefined && bytes !== stored.bytes)
          throw mismatch(`The upload has ${stored.bytes} bytes; ${bytes} were declared.`);
        if (sha256 !== undefined && sha256 !== stored.sha256)
          throw mismatch(`The upload's SHA-256 is ${stored.sha256}; ${sha256} was declared.`);
      });
    },

    head,

    async read(key: string, range?: ByteRange): Promise<Readable> {
      const file = await onDisk(() => open(pathOf(key)).catch(ignoreMissing));
      if (!file) throw new ObjectNotFound(key);
      if (range && range.end <= range.start) {
        await file.close();
        return Readable.from([]);
      }
      return file.createReadStream(range ? { start: range.start, end: range.end - 1 } : {});
    },

    async delete(keys: readonly string[]): Promise<string[]> {
      const failed: string[] = [];
      for (const key of keys) await onDisk(() => remove(key)).catch(() => failed.push(key));
      return failed;
    },

    async signGet(key: string, options: SignedGet): Promise<string> {
      return urlOf(signer.signGet(checkKey(key), options));
    },

    async signPut(key: string, options: SignedPut) {
      const headers = {
        "Content-Type": options.contentType,
        ...(options.once && { "If-None-Match": "*" }),
      };
      return { url: urlOf(signer.signPut(checkKey(key), options)), headers };
    },

    async signParts(key: string, { contentType, bytes, ...more }) {
      const links = bytes.map((partBytes, index) => {
        const part: SignedPut = { contentType, bytes: partBytes, once: false, ...more };
        return {
          url: urlOf(signer.signPut(partKey(key, index), part)),
          headers: { "Content-Type": contentType },
        };
      });
      return { token: "disk", links };
    },

    async joinParts(key: string, _token: string, partBytes: readonly number[]): Promise<boolean> {
      const parts = partBytes.map((_, index) => pathOf(partKey(key, index)));
      const found = await Promise.all(parts.map((path) => onDisk(() => stat(path).catch(ignoreMissing))));
      if (found.some((part, index) => part?.size !== partBytes[index]))
        return (await head(key)) !== undefined;
      await write(key, concatenate(parts), {}, placeOnce).catch(async (error: unknown) => {
        // Another may have joined them in the meantime.
        if (!(await head(key))) throw error;
      });
      await dropParts(key);
      return true;
    },

    dropParts,

    stop: async () => {},

    verifyGet: signer.verifyGet,
    tagOf: signer.tagOf,
    verifyPut: signer.verifyPut,
  } satisfies ObjectStore & Record<string, unknown>;
}

/** Of a file whose size was not declared. */
const MAX_BYTES = 1024 ** 3;

const partKey = (key: string, index: number) => checkKey(`${key}.parts/${index + 1}`);

/** Unlike a rename, a link never replaces. */
const placeOnce: Place = async (from, to) => {
  try {
    await link(from, to);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new AppError("upload_exists");
  }
};

async function* concatenate(paths: string[]): AsyncGenerator<Uint8Array> {
  for (const path of paths) yield* createReadStream(path);
}
