import type { MediaKind, MediaType } from "@avatar/contract/limits";
import type { CreateJobInput } from "@avatar/contract/types";
import { AvatarError } from "./errors.ts";

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

/** A file that is known to be worth sending. */
export interface SniffedFile {
  blob: Blob;
  contentType: MediaType;
  kind: MediaKind;
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

// The contract's words. Its whole table would be an eighth of the package; a test keeps these equal.
const HINTS = {
  invalid_input:
    "Use `file(path)` from `@avatar/client/node` for a file on disk. An https URL is for `generate`, not for `upload`.",
  empty_file: "Check that the file was read before it was sent.",
  unsupported_image: "Send JPEG, PNG or WebP.",
  unsupported_audio: "Send WAV, MP3, M4A/AAC, OGG/Opus or FLAC.",
};

const refuse = (code: keyof typeof HINTS, detail: string) =>
  new AvatarError({ code, detail, hint: HINTS[code] });

const isUrl = (text: string) => /^https:\/\//i.test(text);

/** Whether the API has to fetch a file first. */
export const hasUrl = ({ image, audio }: CreateJobInput) => isUrl(image) || isUrl(audio);

/** What a job calls the file, if it need not be sent: the id of an upload, or a URL as it was given. */
export function reference(media: Media): string | undefined {
  const tag = tagOf(media);
  if (tag === "String" || tag === "URL") {
    const text = String(media);
    if (isUrl(text) || /^upload_\w+$/.test(text)) return text;
    throw refuse("invalid_input", "A string must be the id of an upload or an https URL.");
  }
  return tag === "Object" && typeof (media as Upload).id === "string" ? (media as Upload).id : undefined;
}

/** Opens the file and looks at its first bytes. `kind` is what it has to be, if that matters. */
export async function sniff(media: Media, kind?: MediaKind): Promise<SniffedFile> {
  const name = kind ?? "file";
  const blob = await toBlob(media, name);
  if (blob.size === 0) throw refuse("empty_file", `The ${name} is empty.`);

  const head = String.fromCharCode(...new Uint8Array(await blob.slice(0, 12).arrayBuffer()));
  const contentType = MAGIC.find(([pattern]) => pattern.test(head))?.[1];
  const actual = contentType?.startsWith("image/") ? "image" : "audio";
  if (!contentType || (kind && kind !== actual)) {
    const expected = kind ?? (blob.type.startsWith("audio/") ? "audio" : "image");
    throw refuse(`unsupported_${expected}`, `The ${name} is ${contentType ?? "in an unknown format"}.`);
  }
  return { blob, contentType, kind: actual };
}

/** By tag, since `instanceof` fails for objects of another realm, such as a test runner's. */
const tagOf = (value: unknown) => Object.prototype.toString.call(value).slice(8, -1);

async function toBlob(media: Media, name: string): Promise<Blob> {
  const source = typeof media === "function" ? await media() : media;
  const tag = tagOf(source);
  if (tag === "Blob" || tag === "File") return source as Blob;
  if (tag === "ArrayBuffer" || ArrayBuffer.isView(source)) return new Blob([source as ArrayBuffer]);
  if (tag === "ReadableStream") return new Response(source as ReadableStream<Uint8Array>).blob();
  if (tag !== "Response")
    throw refuse("invalid_input", `The ${name} cannot be read from a value of type ${tag}.`);
  const response = source as Response;
  if (!response.ok)
    throw refuse("invalid_input", `The answer with the ${name} has status ${response.status}.`);
  return response.blob();
}
