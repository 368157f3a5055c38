import type { MediaKind, MediaType } from "@avatar/contract/limits";
import type { CreateJobInput } from "@avatar/contract/types";
import type { SniffedFile } from "./check.ts";
import { AvatarError } from "./errors.ts";
import { loadCheck, refuse } from "./refuse.ts";

/**
 * A file: its bytes, a stream or answer to read them from, a function that opens it when it is needed, an upload (or
 * its id), or an https URL, which the API fetches itself. A string is never a path, so text from your users cannot read
 * your disk; see `file()` in `@avatar/client/node`. The format is read from the bytes, not from `Blob.type`.
 *
 * @example
 * const portrait: Media = input.files[0];
 * const speech: Media = "https://example.com/speech.mp3";
 */
export type Media =
  | Blob
  | ArrayBuffer
  | ArrayBufferView
  | ReadableStream<Uint8Array>
  | Response
  | (() => Blob | Promise<Blob>)
  | Upload
  | URL
  | string;

/**
 * A file on the server, good for any number of jobs until it expires.
 *
 * @example
 * const image = await avatar.upload(portrait);
 * const videos = await Promise.all(recordings.map((audio) => avatar.generate({ image, audio })));
 */
export interface Upload {
  readonly id: string;
  /** After this time the file is deleted once no unfinished job needs it. */
  readonly expiresAt: Date;
}

/** First bytes of each format; `.` is any byte. A first look only: the API reads the whole header. */
const MAGIC: readonly [RegExp, MediaType][] = [
  [/^\xff\xd8\xff/, "image/jpeg"],
  [/^\x89PNG\r\n/, "image/png"],
  [/^RIFF....WEBP/s, "image/webp"],
  [/^(RIFF|RF64)....WAVE/s, "audio/wav"],
  [/^....ftyp(?!avi|hei|mif|msf|qt)/s, "audio/mp4"],
  [/^OggS/, "audio/ogg"],
  [/^fLaC/, "audio/flac"],
  [/^ID3|^\xff[\xe2\xe3\xf2\xf3\xfa\xfb]/, "audio/mpeg"],
  [/^\xff[\xf0\xf1\xf8\xf9]/, "audio/aac"],
];

const isUrl = (text: string) => /^https:\/\//i.test(text);

/** Whether the API has to fetch a file first. */
export const hasUrl = ({ image, audio }: CreateJobInput) => isUrl(image) || isUrl(audio);

/** What a job calls the file, if it need not be sent: the id of an upload, or a URL as it was given. */
export async function reference(media: Media): Promise<string | undefined> {
  const tag = tagOf(media);
  if (tag === "String" || tag === "URL") {
    const text = String(media);
    if (isUrl(text) || /^upload_\w+$/.test(text)) return text;
    return refuse("invalid_input", "text");
  }
  return tag === "Object" && typeof (media as Upload).id === "string" ? (media as Upload).id : undefined;
}

/** Opens the file and refuses what no API would take. `kind` is what it has to be, if that matters. */
export async function inspect(media: Media, kind?: MediaKind, signal?: AbortSignal): Promise<SniffedFile> {
  const file = await sniff(media, kind, signal);
  const fault = await (await loadCheck())?.findFault(file);
  if (fault) throw new AvatarError(fault);
  return file;
}

/** Opens the file and looks at its first bytes. */
export async function sniff(media: Media, kind?: MediaKind, signal?: AbortSignal): Promise<SniffedFile> {
  const name = kind ?? "file";
  const blob = await toBlob(media, name, signal);
  if (blob.size === 0) return refuse("empty_file", "empty", [name]);

  const head = String.fromCharCode(...new Uint8Array(await blob.slice(0, 12).arrayBuffer()));
  const contentType = MAGIC.find(([pattern]) => pattern.test(head))?.[1];
  if (!contentType) {
    const expected = kind ?? (blob.type.startsWith("audio/") ? "audio" : "image");
    return refuse(`unsupported_${expected}`, "unknownFormat", [name]);
  }
  const actual = contentType.startsWith("image/") ? "image" : "audio";
  if (kind && kind !== actual) return refuse("media_type_mismatch", "otherKind", [name, contentType]);
  return { blob, contentType, kind: actual };
}

/** By tag, since `instanceof` fails for objects of another realm, such as a test runner's. */
const tagOf = (value: unknown) => Object.prototype.toString.call(value).slice(8, -1);

async function toBlob(media: Media, name: string, signal: AbortSignal | undefined): Promise<Blob> {
  let source: unknown = typeof media === "function" ? await media() : media;
  let tag = tagOf(source);
  if (tag === "Blob" || tag === "File") return source as Blob;
  if (tag === "Response") {
    const { ok, status, body } = source as Response;
    if (!ok) return refuse("invalid_input", "response", [name, status]);
    source = body ?? new ArrayBuffer(0);
    tag = tagOf(source);
  }
  // Nothing is read any more once the call is over.
  if (tag === "ReadableStream")
    source = (source as ReadableStream<Uint8Array>).pipeThrough(new TransformStream(), signal && { signal });
  else if (tag !== "ArrayBuffer" && !ArrayBuffer.isView(source))
    return refuse("invalid_input", "value", [name, tag]);
  return new Response(source as ArrayBuffer).blob();
}
