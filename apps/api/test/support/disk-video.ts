import { Readable } from "node:stream";
import { createDiskObjectStore } from "../../src/storage/disk-object-store.ts";
import { loadSigningSecret } from "../../src/storage/signed-links.ts";

/** More than the kernel keeps for who does not read. */
const BYTES = 32 * 1024 * 1024;
const KEY = "videos/job_1/run_1.mp4";

/** @returns a link to a large video that is put into the data directory of a server */
export async function putVideo(directory: string, url: string): Promise<string> {
  const signingSecret = await loadSigningSecret(directory);
  const store = createDiskObjectStore({
    directory,
    signingSecret,
    publicUrl: () => url,
    now: () => new Date(),
    processes: { id: "test", isLeftOver: () => false },
  });
  const contentType = "video/mp4";
  await store.put(KEY, Readable.from([Buffer.alloc(BYTES)]), { contentType });
  const expiresAt = new Date(Date.now() + 3_600_000);
  return store.signGet(KEY, { contentType, fileName: "a.mp4", expiresAt });
}
