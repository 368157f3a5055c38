import { createHash, randomUUID } from "node:crypto";
import { access, constants, mkdir, open, readdir, rm, unlink } from "node:fs/promises";
import { join } from "node:path";
import { ignoreMissing, onDisk } from "./disk-errors.ts";
import { ObjectTooLarge, type PutOptions, type StoredObject } from "./object-store.ts";
import type { Processes } from "./processes.ts";

interface Deps {
  directory: string;
  /** Those that share the directory; by default this one has it for itself. */
  processes?: Pick<Processes, "id" | "isLeftOver"> | undefined;
  /** Whether a file must be on the disk, not only in its cache, once it is received. */
  durable: boolean;
}

const ALONE = { id: "alone", isLeftOver: () => true };

/** Files that are being received: nobody sees an object before it is whole, and its size and hash are known. */
export function createIncomingFiles({ directory, processes = ALONE, durable }: Deps) {
  return {
    /** Removes what was left behind by processes that were killed. */
    async start(): Promise<void> {
      await mkdir(directory, { recursive: true });
      await access(directory, constants.W_OK);
      for (const name of await readdir(directory))
        if (processes.isLeftOver(name)) await rm(join(directory, name), { force: true });
    },

    /** Hands the received file to `use`, and removes it afterwards, whatever came of it. */
    async receive<T>(
      body: AsyncIterable<Uint8Array>,
      { maxBytes = Number.POSITIVE_INFINITY, signal }: Omit<PutOptions, "contentType">,
      use: (path: string, stored: StoredObject) => Promise<T>,
    ): Promise<T> {
      const path = join(directory, `${processes.id}.${randomUUID()}`);
      const hash = createHash("sha256");
      let bytes = 0;
      const file = await onDisk(() => open(path, "wx", 0o600));
      try {
        try {
          for await (const block of inBlocks(signal ? untilAborted(body, signal) : body)) {
            bytes += block.length;
            if (bytes > maxBytes) throw new ObjectTooLarge(maxBytes);
            hash.update(block);
            await onDisk(() => file.writeFile(block));
          }
          if (durable) await onDisk(() => file.sync());
        } finally {
          await file.close();
        }
        return await use(path, { bytes, sha256: hash.digest("hex") });
      } finally {
        await unlink(path).catch(ignoreMissing); // It may have been moved.
      }
    },
  };
}

/** To write a file in a few large blocks takes less time than in the many chunks that it comes in. */
const BLOCK_BYTES = 256 * 1024;

/** Gives the same memory again and again: what is not used before the next block is asked for is lost. */
async function* inBlocks(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const block = Buffer.allocUnsafeSlow(BLOCK_BYTES);
  let filled = 0;
  for await (const chunk of body) {
    for (let used = 0; used < chunk.length; ) {
      const taken = chunk.subarray(used, used + BLOCK_BYTES - filled);
      block.set(taken, filled);
      used += taken.length;
      filled += taken.length;
      if (filled < BLOCK_BYTES) continue;
      yield block;
      filled = 0;
    }
  }
  yield block.subarray(0, filled);
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
