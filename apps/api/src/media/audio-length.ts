import { AppError } from "../errors.ts";

/** What a reader of an audio format finds out. */
export interface AudioLength {
  /** What the bytes hold. A count may stop soon after the longest recording allowed. */
  seconds: number;
  /** What a header says they hold. */
  claimedSeconds?: number | undefined;
}

/**
 * A file that is sound for the smallest part would be read to its end for nothing. Where this is called, twice the
 * bytes per second that are allowed are out of reach of every encoder.
 */
export function assertDense(bytes: number, seconds: number, { spareBytes, bytesPerSecond }: Density): void {
  if (bytes > spareBytes + seconds * bytesPerSecond)
    throw undecodable("The file has many times the bytes that its sound needs.");
}

export interface Density {
  /** Tags, pictures, headers. */
  spareBytes: number;
  bytesPerSecond: number;
}

/** Of AAC, MP3, Opus and Vorbis: 2 Mbit/s. Sixteen channels of Opus have 1.2. */
export const LOSSY: Density = { spareBytes: 1_000_000, bytesPerSecond: 250_000 };

export const tooLong = (maxSeconds: number) =>
  new AppError("audio_too_long", {
    detail: `The recording is longer than the maximum of ${maxSeconds} s.`,
  });

export const undecodable = (detail: string) => new AppError("audio_undecodable", { detail });
