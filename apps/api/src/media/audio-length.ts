import { AppError } from "../errors.ts";

/** What a reader of an audio format finds out. */
export interface AudioLength {
  /** What the bytes hold. A count may stop soon after the longest recording allowed. */
  seconds: number;
  /** What a header says they hold. */
  claimedSeconds?: number | undefined;
}

export const undecodable = (detail: string) => new AppError("audio_undecodable", { detail });
