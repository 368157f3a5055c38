import { LIMITS, MEDIA_TYPE_NAMES, type MediaType, mediaKind } from "@avatar/contract/limits";
import type { Upload } from "@avatar/contract/types";
import { toHex } from "../hex.ts";
import { checkFields, isOneOf, isText, isWhole } from "./check-input.ts";
import type { FakeClock } from "./clock.ts";
import { createLinks } from "./links.ts";
import { answer, readObject, refuse, toIso, type WireRequest } from "./wire.ts";

interface Declared {
  contentType: MediaType;
  bytes: number;
  sha256?: string;
  inParts?: boolean;
}

interface StoredUpload extends Declared {
  expiresAt: number;
  /** Of one part where it does not come in parts. */
  parts: { bytes: number; received?: Uint8Array<ArrayBuffer> }[];
}

/** Files that were declared, and what was put. */
export function createFakeUploads(clock: FakeClock) {
  const uploads = new Map<string, StoredUpload>();
  const links = createLinks(clock);

  /** The file of a job that is to be made. */
  async function take(id: string): Promise<StoredUpload> {
    const upload = uploads.get(id);
    if (!upload) throw refuse("upload_not_found", `There is no upload ${id}.`);
    if (clock.now() >= upload.expiresAt) throw refuse("upload_expired", `The upload ${id} has expired.`);
    if (upload.parts.some(({ received }) => !received))
      throw refuse("upload_incomplete", `Nothing was uploaded to ${id} yet.`);
    const parts = upload.parts.map(({ received }) => received ?? new Uint8Array());
    if (upload.inParts) await checkHash(upload, new Blob(parts));
    return upload;
  }

  return {
    /** What tells a file from others: its content where that was declared. */
    async identify(ref: string): Promise<string> {
      if (/^[a-z][a-z0-9+.-]*:/i.test(ref)) {
        if (!/^https:/i.test(ref)) throw refuse("url_not_allowed", "Only https URLs are fetched.");
        return ref;
      }
      return (await take(ref)).sha256 ?? ref;
    },

    /** Deletes the file, if it is an upload. */
    release(ref: string): void {
      const upload = uploads.get(ref);
      if (upload) upload.expiresAt = clock.now();
    },

    declare({ base, bytes: body }: WireRequest): Response {
      const input = readObject(body);
      checkFields(
        input,
        {
          contentType: [isOneOf(...MEDIA_TYPE_NAMES), "expected a content type of an image or a recording"],
          bytes: [isWhole(0, Number.MAX_SAFE_INTEGER), "expected the size of the file"],
          sha256: [isText(64, 64), "expected 64 hexadecimal digits in lower case"],
          inParts: [isOneOf(true, false), "expected a boolean"],
        },
        ["contentType", "bytes"],
      );
      const declared = input as unknown as Declared;
      const { contentType, bytes, inParts } = declared;
      const kind = mediaKind(contentType);
      const { maxBytes } = LIMITS[kind];
      if (bytes === 0) throw refuse("empty_file");
      if (bytes > maxBytes)
        throw refuse(`${kind}_too_large`, `The ${kind} file has more than ${maxBytes} bytes.`);

      const id = `upload_${uploads.size + 1}`;
      const expiresAt = clock.now() + LIMITS.uploadTtlSeconds * 1000;
      const parts = partSizes(bytes, inParts).map((size) => ({ bytes: size }));
      uploads.set(id, { ...declared, expiresAt, parts });
      const facts = { id, method: "PUT", expiresAt: toIso(expiresAt) } as const;
      const urlOf = (part: number) => links.sign(`${base}/objects/uploads/${id}.${part}`, expiresAt);
      const headers = { "Content-Type": contentType };
      const upload: Upload = inParts
        ? { ...facts, parts: parts.map((part, index) => ({ url: urlOf(index), headers, ...part })) }
        : { ...facts, url: urlOf(0), headers: { ...headers, "If-None-Match": "*" } };
      return answer(upload, 201);
    },

    async put({ id: name, query, headers, bytes }: WireRequest): Promise<Response> {
      links.check(query);
      const [id = "", index] = name.split(".");
      const upload = uploads.get(id);
      const part = upload?.parts[Number(index)];
      if (!upload || !part) throw refuse("link_invalid");
      if (bytes.length > part.bytes)
        throw refuse("body_too_large", `The body has ${bytes.length} bytes; ${part.bytes} were declared.`);
      const expected = [
        ["Content-Length", bytes.length, part.bytes],
        ["Content-Type", headers.get("content-type"), upload.contentType],
        ["If-None-Match", headers.get("if-none-match"), upload.inParts ? null : "*"],
      ] as const;
      for (const [header, actual, value] of expected)
        if (actual !== value)
          throw refuse("upload_mismatch", `${header} must be ${value}, as the upload says.`);
      if (!upload.inParts) {
        if (part.received) throw refuse("upload_exists");
        await checkHash(upload, new Blob([bytes]));
      }
      part.received = bytes;
      return new Response(null, { status: 200 });
    },
  };
}

async function checkHash({ sha256 }: Declared, file: Blob): Promise<void> {
  if (sha256 === undefined) return;
  const actual = toHex(new Uint8Array(await crypto.subtle.digest("SHA-256", await file.arrayBuffer())));
  if (actual !== sha256)
    throw refuse("upload_mismatch", `The upload's SHA-256 is ${actual}; ${sha256} was declared.`);
}

function partSizes(bytes: number, inParts: boolean | undefined): number[] {
  const size = inParts ? LIMITS.uploadPartBytes : bytes;
  return Array.from({ length: Math.ceil(bytes / size) }, (_, index) => Math.min(size, bytes - index * size));
}
