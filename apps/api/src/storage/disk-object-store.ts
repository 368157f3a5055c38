import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { access, constants, link, mkdir, open, readdir, rename, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Readable } from "node:stream";
import { AppError } from "../errors.ts";
import {
  ObjectNotFound,
  type ObjectStore,
  ObjectTooLarge,
  type PutOptions,
  type SignedPut,
  type StoredObject,
} from "./object-store.ts";
import type { Processes } from "./processes.ts";
import { createLinkSigner, type SignedGet } from "./signed-links.ts";

interface Deps {
  directory: string;
  /** Where customers reach `http/object-routes.ts`; known only once the server listens. */
  publicUrl: () => string;
  signingSecret: Uint8Array | string;
  now: () => Date;
  /** Those that share the directory; by default this one has it for itself. */
  processes?: Pick<Processes, "id" | "isLeftOver">;
}

const ALONE = { id: "alone", isLeftOver: () => true };

export type DiskObjectStore = ReturnType<typeof createDiskObjectStore>;

/** Objects as files under `<directory>/objects/<key>`. */
export function createDiskObjectStore(deps: Deps) {
  const { directory, publicUrl, signingSecret, now, processes = ALONE } = deps;
  const objects = join(directory, "objects");
  const incoming = join(directory, "incoming");
  const signer = createLinkSigner({ secret: signingSecret, now });
  const pathOf = (key: string) => join(objects, checkKey(key));

  /** `accept` decides, before the object is seen by anyone, whether it may be; `place` then puts it at its path. */
  async function write(
    key: string,
    body: AsyncIterable<Uint8Array>,
    { maxBytes = Number.POSITIVE_INFINITY, signal }: Omit<PutOptions, "contentType">,
    accept: (stored: StoredObject) => void = () => {},
    place: typeof rename = rename,
  ): Promise<StoredObject> {
    const path = pathOf(key);
    const temporary = join(incoming, `${processes.id}.${randomUUID()}`);
    const hash = createHash("sha256");
    let bytes = 0;
    const file = await open(temporary, "wx", 0o600);
    try {
      try {
        for await (const chunk of signal ? untilAborted(body, signal) : body) {
          bytes += chunk.length;
          if (bytes > maxBytes) throw new ObjectTooLarge(maxBytes);
          hash.update(chunk);
          await file.writeFile(chunk);
        }
        await file.sync();
      } finally {
        await file.close();
      }
      const stored = { bytes, sha256: hash.digest("hex") };
      accept(stored);
      await placeDurably(temporary, path, place);
      return stored;
    } finally {
      await rm(temporary, { force: true });
    }
  }

  async function hashOf(path: string): Promise<string> {
    const hash = createHash("sha256");
    for await (const chunk of createReadStream(path)) hash.update(chunk);
    return hash.digest("hex");
  }

  return {
    /** Removes what uploads left behind when their process was killed. */
    async start(): Promise<void> {
      for (const path of [objects, incoming]) {
        await mkdir(path, { recursive: true });
        await access(path, constants.W_OK);
      }
      for (const name of await readdir(incoming))
        if (processes.isLeftOver(name)) await rm(join(incoming, name), { force: true });
    },

    put: (key: string, body: AsyncIterable<Uint8Array>, options: PutOptions) => write(key, body, options),

    /**
     * Takes the bytes that a PUT link promised, once: a job was checked with them, and must be rendered with them.
     * The same bytes may come again, because a client repeats what it had no answer to.
     * @throws AppError `upload_mismatch`
     */
    putSigned(signed: SignedPut & { key: string }, body: AsyncIterable<Uint8Array>): Promise<StoredObject> {
      const mismatch = (detail: string) => new AppError("upload_mismatch", { detail });
      let received = "";
      const accept = ({ bytes, sha256 }: StoredObject) => {
        received = sha256;
        if (bytes !== signed.bytes)
          throw mismatch(`The upload has ${bytes} bytes; ${signed.bytes} were declared.`);
        if (signed.sha256 !== undefined && signed.sha256.toLowerCase() !== sha256)
          throw mismatch(`The upload's SHA-256 is ${sha256}; ${signed.sha256} was declared.`);
      };
      // Unlike a rename, a link never replaces.
      const placeOnce: typeof link = async (from, to) => {
        try {
          await link(from, to);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
          if ((await hashOf(String(to))) !== received)
            throw mismatch("Another file was already uploaded with this link.");
        }
      };
      return write(signed.key, body, { maxBytes: signed.bytes }, accept, placeOnce);
    },

    async head(key: string): Promise<{ bytes: number; etag: string } | undefined> {
      const found = await stat(pathOf(key), { bigint: true }).catch(ignoreMissing);
      if (!found?.isFile()) return undefined;
      const { ino, mtimeNs, size } = found;
      // The inode too: two writes within a tick of the file system's clock have the same time.
      return {
        bytes: Number(size),
        etag: `"${ino.toString(16)}-${mtimeNs.toString(16)}-${size.toString(16)}"`,
      };
    },

    async read(key: string, range?: { start: number; end: number }): Promise<Readable> {
      const file = await open(pathOf(key)).catch(ignoreMissing);
      if (!file) throw new ObjectNotFound(key);
      if (range && range.end <= range.start) {
        await file.close();
        return Readable.from([]);
      }
      return file.createReadStream(range ? { start: range.start, end: range.end - 1 } : {});
    },

    async delete(keys: readonly string[]): Promise<void> {
      for (const key of keys) {
        const path = pathOf(key);
        await rm(path, { force: true });
        // `videos/<job>/` goes with its last video; a directory that is in use refuses.
        if (dirname(dirname(path)) !== objects) await rmdir(dirname(path)).catch(() => {});
      }
    },

    async signGet(key: string, options: SignedGet): Promise<string> {
      return `${publicUrl()}/objects/${signer.signGet(checkKey(key), options)}`;
    },

    async signPut(key: string, options: SignedPut) {
      const url = `${publicUrl()}/objects/${signer.signPut(checkKey(key), options)}`;
      return { url, headers: { "Content-Type": options.contentType } };
    },

    verifyGet: signer.verifyGet,
    verifyPut: signer.verifyPut,
  } satisfies ObjectStore & Record<string, unknown>;
}

/** Keys are ours, so a bad one is a mistake of ours; but it must never name a file outside of the store. */
function checkKey(key: string): string {
  if (!/^[a-z]+(\/[A-Za-z0-9_.-]+)+$/.test(key) || /\/\.\.?(\/|$)/.test(key))
    throw new Error(`bad key ${key}`);
  return key;
}

/** Stops at once, also while `body` gives nothing. Ending the source itself is up to who aborts. */
async function* untilAborted(
  body: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  aborted.catch(() => {}); // nobody may be waiting
  const abort = () => reject(signal.reason);
  signal.addEventListener("abort", abort);
  const iterator = body[Symbol.asyncIterator]();
  try {
    signal.throwIfAborted();
    for (;;) {
      const next = await Promise.race([iterator.next(), aborted]);
      if (next.done) return;
      yield next.value;
    }
  } finally {
    signal.removeEventListener("abort", abort);
    // Not awaited: it waits for the chunk that may never come. Its failure is the body's, which is reported.
    iterator.return?.().catch(() => {});
  }
}

async function placeDurably(from: string, to: string, place: typeof rename): Promise<void> {
  // Twice, because `delete` may remove the empty directory after mkdir made it.
  for (const isLastTry of [false, true]) {
    const firstMade = await mkdir(dirname(to), { recursive: true });
    try {
      await place(from, to);
    } catch (error) {
      if (isLastTry || (error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
      continue;
    }
    await syncDirectory(dirname(to));
    // A new directory is durable once its parent is synced.
    for (let made = dirname(to); firstMade && made.length >= firstMade.length; made = dirname(made)) {
      await syncDirectory(dirname(made));
    }
    return;
  }
}

async function syncDirectory(path: string): Promise<void> {
  if (process.platform === "win32") return; // Windows cannot open a directory
  const handle = await open(path);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function ignoreMissing(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT" && error.code !== "ENOTDIR") throw error;
}
