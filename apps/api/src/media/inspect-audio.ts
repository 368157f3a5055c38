import { type InputLimits, MEDIA_TYPES, type MediaFormat, type MediaType } from "@avatar/contract/limits";
import { AppError } from "../errors.ts";
import { type AudioLength, tooLong, undecodable } from "./audio-length.ts";
import {
  type ByteSource,
  type ByteWindow,
  createByteWindow,
  EndOfFile,
  TooScattered,
} from "./byte-source.ts";
import { readFlac } from "./read-flac.ts";
import { readM4a } from "./read-m4a.ts";
import { readAac, readMp3 } from "./read-mpeg-frames.ts";
import { readOgg } from "./read-ogg.ts";
import { readWav } from "./read-wav.ts";
import { SNIFF_BYTES, sniffFormat } from "./sniff-format.ts";

// Own readers, because music-metadata reports what headers say: of an MP3 or FLAC file that was cut in half it
// gives the whole length, without a warning. To check its answers each format had to be read a second time.
const READERS: Partial<
  Record<MediaFormat, (window: ByteWindow, maxSeconds: number) => Promise<AudioLength>>
> = {
  wav: readWav,
  mp3: readMp3,
  aac: readAac,
  m4a: readM4a,
  ogg: readOgg,
  flac: readFlac,
};

/** Decodes nothing. @throws AppError with the code that says what is wrong with the file */
export async function inspectAudio(
  source: ByteSource,
  declared: MediaType,
  { maxBytes, minSeconds, maxSeconds }: InputLimits["audio"],
): Promise<{ format: MediaFormat; seconds: number }> {
  if (source.size === 0) throw new AppError("empty_file");
  if (source.size > maxBytes) {
    const detail = `The audio file has ${source.size} bytes; the maximum is ${maxBytes}.`;
    throw new AppError("audio_too_large", { detail });
  }
  const window = createByteWindow(source, 64 * 1024);
  const format = sniffFormat(await window.bytes(0, Math.min(SNIFF_BYTES, source.size)));
  if (!format) {
    throw new AppError("unsupported_audio", {
      detail: "The file is not WAV, MP3, M4A, AAC, OGG or FLAC audio.",
    });
  }
  const read = READERS[format];
  if (!read) {
    const detail = `The file is ${format.toUpperCase()}; audio is needed here.`;
    throw new AppError("media_type_mismatch", { detail });
  }
  if (format !== MEDIA_TYPES[declared]) {
    const detail = `The file is declared as ${declared}, but its bytes are ${format.toUpperCase()}.`;
    throw new AppError("media_type_mismatch", { detail });
  }

  const { seconds, claimedSeconds = 0 } = await read(window, maxSeconds).catch((error: unknown) => {
    if (error instanceof EndOfFile) throw new AppError("audio_truncated");
    if (error instanceof TooScattered) throw undecodable("The file is in too many pieces.");
    // A Buffer refuses reads behind its end: here, of a field that its box or chunk is too short for.
    throw error instanceof RangeError ? undecodable(`The ${format.toUpperCase()} file is damaged.`) : error;
  });
  if (seconds > maxSeconds) throw tooLong(maxSeconds);
  if (claimedSeconds > seconds * 1.01) {
    const detail = `The file announces ${threeDigits(claimedSeconds)} s of sound but holds ${threeDigits(seconds)} s.`;
    throw new AppError("audio_truncated", { detail });
  }
  if (seconds < minSeconds) {
    const detail = `The recording is ${threeDigits(seconds)} s long; the minimum is ${minSeconds} s.`;
    throw new AppError("audio_too_short", { detail });
  }
  return { format, seconds };
}

const threeDigits = (seconds: number) => String(Number(seconds.toPrecision(3)));
