import type { MediaKind } from "@avatar/contract/limits";
import type { SignedLink, Upload as SignedUpload, SingleUpload } from "@avatar/contract/types";
import type { SniffedFile } from "./check.ts";
import type { AvatarError } from "./errors.ts";
import { toHex } from "./hex.ts";
import type { CallOptions, Http } from "./http.ts";
import type { Upload } from "./media.ts";

/**
 * How far an upload is. `fetch` tells nothing in between, so there is one report when it starts and one when it ends;
 * of a file of more than 64 MiB, which goes in parts, there is one after each part.
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

/** Larger files go in parts. */
const LARGEST_PUT_BYTES = 64 * 1024 * 1024;

/** A line slower than 50 kB/s is as good as dead. */
const putTimeoutMs = (bytes: number) => 60_000 + bytes / 50;

/**
 * Says what is to come, which the API may refuse before a byte of it is sent.
 *
 * @returns what sends the file
 */
export async function declareFile(
  http: Http,
  { blob, contentType, kind }: SniffedFile,
  { onUpload, withHash = false, ...options }: UploadOptions & { withHash?: boolean },
): Promise<() => Promise<Upload>> {
  const total = blob.size;
  let loaded = 0;
  // Loaded by those with large files alone. Theirs go in one piece, in case that fails.
  const inParts = total > LARGEST_PUT_BYTES && (await import("./parts.ts").catch(() => undefined));
  const sha256 = withHash ? await sha256Of(blob) : undefined;
  const body = { contentType, bytes: total, sha256, inParts: inParts ? true : undefined };
  const declaration = { method: "POST", path: "/v1/uploads", body } as const;
  const upload = await http.call<SignedUpload>(() => declaration, options);

  // Awaited, so that an error of an async callback is not lost.
  const report = async () => onUpload?.({ input: kind, loaded, total });

  // The blob itself, or a slice of it, is the body: the runtime reads it piece by piece, and again for a retry.
  async function put({ url, headers }: SignedLink, file: Blob) {
    const requestTimeoutMs = putTimeoutMs(file.size);
    try {
      const request = { method: upload.method, url, headers, body: file, requestTimeoutMs };
      const response = await http.open(request, options);
      await response.body?.cancel(); // Frees the connection.
    } catch (error) {
      // A link takes a file once and nobody else has it: an earlier try got through, only its answer was lost.
      if ((error as AvatarError).status !== 412) throw error;
    }
    loaded += file.size;
    await report();
  }

  return async () => {
    await report();
    if (inParts && "parts" in upload) await inParts.putParts(upload.parts, blob, put);
    else await put(upload as SingleUpload, blob);
    return { id: upload.id, expiresAt: new Date(upload.expiresAt) };
  };
}

async function sha256Of(blob: Blob): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", await blob.arrayBuffer());
  return toHex(new Uint8Array(hash));
}
