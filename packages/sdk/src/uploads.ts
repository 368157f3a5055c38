import type { MediaKind } from "@avatar/contract/limits";
import type { Upload as SignedUpload } from "@avatar/contract/types";
import { toHex } from "./hex.ts";
import type { CallOptions, Http } from "./http.ts";
import type { SniffedFile, Upload } from "./media.ts";

/**
 * How far an upload is. `fetch` tells nothing in between, so there is one report when it starts and one when it ends.
 *
 * @example
 * const onUpload = ({ input, loaded, total }: UploadProgress) => console.log(`${input}: ${loaded} of ${total} bytes`);
 */
export interface UploadProgress {
  readonly input: MediaKind;
  readonly loaded: number;
  readonly total: number;
}

/**
 * Options of an upload.
 *
 * @example
 * const image = await avatar.upload(portrait, { onUpload: ({ loaded }) => console.log(loaded) });
 */
export interface UploadOptions extends CallOptions {
  onUpload?: ((progress: UploadProgress) => void) | undefined;
}

/** A line slower than 50 kB/s is as good as dead. */
const putTimeoutMs = (bytes: number) => 60_000 + bytes / 50;

/** The blob itself is the body: the runtime reads it piece by piece, and can read it again for a retry. */
export async function uploadFile(
  http: Http,
  { blob, contentType, kind }: SniffedFile,
  { onUpload, withHash = false, ...options }: UploadOptions & { withHash?: boolean },
): Promise<Upload> {
  const total = blob.size;
  const body = { contentType, bytes: total, sha256: withHash ? await sha256Of(blob) : undefined };
  const request = { method: "POST", path: "/v1/uploads", body } as const;
  const { id, method, url, headers, expiresAt } = await http.call<SignedUpload>(request, options);
  onUpload?.({ input: kind, loaded: 0, total });
  const put = { method, url, headers, body: blob, requestTimeoutMs: putTimeoutMs(total) };
  const response = await http.open(put, options);
  await response.body?.cancel(); // Frees the connection.
  onUpload?.({ input: kind, loaded: total, total });
  return { id, expiresAt: new Date(expiresAt) };
}

async function sha256Of(blob: Blob): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return toHex(new Uint8Array(hash));
}
