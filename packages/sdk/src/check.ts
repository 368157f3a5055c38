import { type InputLimits, LIMITS, type MediaKind, type MediaType } from "@avatar/contract/limits";
import type { Issue } from "@avatar/contract/types";
import { Damaged, EndOfFile, openHeader } from "./check/file-header.ts";
import { IMAGE_SIZE } from "./check/image-size.ts";
import { readWav, Unsupported } from "./check/wav-length.ts";
import type { AvatarError, ErrorCode } from "./errors.ts";

/**
 * What is wrong with a file, in the API's words.
 *
 * @example
 * for (const { path, code, hint } of await avatar.check({ image, audio })) console.log(`${path}: ${code}. ${hint}`);
 */
export interface InputIssue extends Issue {
  /** The file that it is about. */
  path: MediaKind;
  code: ErrorCode;
  /** What to do about it. */
  hint?: string | undefined;
}

/**
 * Options of {@link Avatar.check}.
 *
 * @example
 * const issues = await avatar.check({ image, audio }, { limits: await avatar.limits() });
 */
export interface CheckOptions {
  /** Of the API at hand. Default: the limits of an API whose operator has set no others. */
  limits?: InputLimits | undefined;
}

/** A file that is known by its first bytes. */
export interface SniffedFile {
  blob: Blob;
  contentType: MediaType;
  kind: MediaKind;
}

export interface Fault {
  code: keyof typeof HINTS;
  detail: string;
  hint: string;
}

/** The contract's words, of these codes alone; a test keeps them equal. */
export const HINTS = {
  invalid_input:
    "Use `file(path)` from `@avatar/client/node` for a file on disk. An https URL is for `generate`, not for `upload`.",
  empty_file: "Check that the file was read before it was sent.",
  media_type_mismatch:
    "Declare the type that the file really has, and send an image as `image` and audio as `audio`.",
  unsupported_image: "Send JPEG, PNG or WebP.",
  unsupported_audio: "Send WAV, MP3, M4A/AAC, OGG/Opus or FLAC.",
  image_undecodable: "Open the file in an image editor and save it again as PNG or JPEG.",
  audio_undecodable: "Convert the recording to 16-bit WAV or to MP3 and send it again.",
  image_truncated: "Send the whole file; compare its size with the original.",
  audio_truncated: "Send the whole file; compare its size with the original.",
  image_too_large: "Send a smaller file; a JPEG of 2000 pixels is plenty.",
  audio_too_large: "Send compressed audio, for example MP3 or M4A at 128 kbit/s.",
  image_too_small: "Send a portrait of at least 512 x 512 pixels.",
  image_too_many_pixels: "Scale the image down; 2000 pixels on the longer side is plenty.",
  audio_too_short: "Send at least half a second of speech.",
  audio_too_long: "Split the recording and create a job for each part.",
};

/** @param look tells the first bytes of a file; of an upload or a URL, its name */
export async function check(
  input: Record<MediaKind, unknown>,
  look: (kind: MediaKind) => Promise<string | SniffedFile>,
  limits: InputLimits = LIMITS,
): Promise<InputIssue[]> {
  async function issuesOf(path: MediaKind): Promise<InputIssue[]> {
    // To look at these would use them up.
    if (/Stream|Response/.test(Object.prototype.toString.call(input[path]))) return [];
    try {
      const file = await look(path);
      const fault = typeof file === "string" ? undefined : await findFault(file, limits);
      return fault ? [{ path, code: fault.code, message: fault.detail, hint: fault.hint }] : [];
    } catch (error) {
      const { code, detail, hint } = error as AvatarError;
      if (!detail) throw error;
      return [{ path, code, message: detail, hint }];
    }
  }
  return (await Promise.all([issuesOf("image"), issuesOf("audio")])).flat();
}

/** What the header of a file shows. Without limits, only what no API would take. */
export async function findFault(file: SniffedFile, limits?: InputLimits): Promise<Fault | undefined> {
  const { kind, blob } = file;
  const fault = (code: Fault["code"], detail: string) => ({ code, detail, hint: HINTS[code] });
  if (limits && blob.size > limits[kind].maxBytes) {
    const detail = `The ${kind} file has ${blob.size} bytes; the maximum is ${limits[kind].maxBytes}.`;
    return fault(`${kind}_too_large`, detail);
  }
  try {
    const found = await (kind === "image"
      ? imageFault(file, limits?.image)
      : audioFault(file, limits?.audio));
    return found && fault(...found);
  } catch (error) {
    if (error instanceof EndOfFile) return fault(`${kind}_truncated`, `The ${kind} file is cut off.`);
    if (error instanceof Damaged)
      return fault(`${kind}_undecodable`, `The header of the ${error.message} file is damaged.`);
    if (error instanceof Unsupported)
      return fault("unsupported_audio", "The WAV file holds sound that is not PCM, float, A-law or mu-law.");
    throw error;
  }
}

type Found = [code: Fault["code"], detail: string] | undefined;

async function imageFault({ blob, contentType }: SniffedFile, limits?: InputLimits["image"]): Promise<Found> {
  const size = await IMAGE_SIZE[contentType]?.(openHeader(blob));
  if (!size || !limits) return undefined;
  const pixels = `${size.width} x ${size.height} pixels`;
  if (size.width * size.height > limits.maxPixels) {
    const most = `${limits.maxPixels / 1e6} million pixels in all`;
    return ["image_too_many_pixels", `The image has ${pixels}; the maximum is ${most}.`];
  }
  if (Math.min(size.width, size.height) >= limits.minSidePixels) return undefined;
  return [
    "image_too_small",
    `The image has ${pixels}; each side must have at least ${limits.minSidePixels}.`,
  ];
}

/** Of other formats than WAV the length is in no header that could be believed. */
async function audioFault({ blob, contentType }: SniffedFile, limits?: InputLimits["audio"]): Promise<Found> {
  if (contentType !== "audio/wav") return undefined;
  const { seconds, claimedSeconds } = await readWav(openHeader(blob));
  const text = (value: number) => String(Number(value.toPrecision(3)));
  if (limits && seconds > limits.maxSeconds)
    return ["audio_too_long", `The recording is longer than the maximum of ${limits.maxSeconds} s.`];
  if (claimedSeconds > seconds * 1.01) {
    const detail = `The file announces ${text(claimedSeconds)} s of sound but holds ${text(seconds)} s.`;
    return ["audio_truncated", detail];
  }
  if (!limits || seconds >= limits.minSeconds) return undefined;
  return [
    "audio_too_short",
    `The recording is ${text(seconds)} s long; the minimum is ${limits.minSeconds} s.`,
  ];
}
