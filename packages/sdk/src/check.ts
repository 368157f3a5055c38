import { type InputLimits, LIMITS, type MediaKind, type MediaType } from "@avatar/contract/limits";
import type { Issue } from "@avatar/contract/types";
import { Damaged, EndOfFile, openHeader } from "./check/file-header.ts";
import { IMAGE_SIZE } from "./check/image-size.ts";
import { readWav, Unsupported } from "./check/wav-length.ts";
import { HINTS } from "./check/words.ts";
import type { AvatarError, ErrorCode } from "./errors.ts";

export { explain, HINTS, WORDS } from "./check/words.ts";

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
