import { AppError } from "../errors.ts";
import { type AudioLength, undecodable } from "./audio-length.ts";
import type { ByteWindow } from "./byte-source.ts";

/** A broadcast recorder writes ten. */
const MAX_CHUNKS = 100;
/** Encoders that write into a pipe cannot know the length. */
const UNKNOWN = 0xffff_ffff;

/** RIFF and its 64-bit form RF64: a list of chunks, of which "fmt " must come before "data". */
export async function readWav(window: ByteWindow): Promise<AudioLength> {
  const riffBytes = (await window.bytes(4, 4)).readUInt32LE(0);
  let bytesPerSecond: number | undefined;
  let longDataBytes: number | undefined;
  let at = 12;
  for (let count = 0; count < MAX_CHUNKS; count++) {
    const head = await window.bytes(at, 8);
    const name = head.toString("latin1", 0, 4);
    const bytes = head.readUInt32LE(4);
    at += 8;
    if (name === "fmt ") bytesPerSecond = readFormat(await window.bytes(at, Math.min(bytes, 40)));
    if (name === "ds64") longDataBytes = Number((await window.bytes(at + 8, 8)).readBigUInt64LE(0));
    if (name === "data") {
      if (!bytesPerSecond) throw undecodable("The WAV file does not say how its sound is stored.");
      const held = window.size - at;
      const claimed = bytes === UNKNOWN ? longDataBytes : bytes;
      // A header that was never completed has 0, and a RIFF size that ends where the sound starts.
      const isUnknown = claimed === undefined || (claimed === 0 && riffBytes + 8 <= at);
      if (isUnknown) return { seconds: held / bytesPerSecond };
      return { seconds: Math.min(claimed, held) / bytesPerSecond, claimedSeconds: claimed / bytesPerSecond };
    }
    at += bytes + (bytes % 2);
  }
  throw undecodable("The WAV file has too many chunks before its sound.");
}

const PCM = 1;
const FLOAT = 3;
const A_LAW = 6;
const MU_LAW = 7;
const EXTENSIBLE = 0xfffe;

/** Computed, not read from the header's byte rate: that one may lie, and decoders do not use it. */
function readFormat(format: Buffer): number {
  if (format.length < 16) throw undecodable("The WAV file's format chunk is too short.");
  const tag = format.readUInt16LE(0);
  const codec = tag === EXTENSIBLE && format.length >= 26 ? format.readUInt16LE(24) : tag;
  if (![PCM, FLOAT, A_LAW, MU_LAW].includes(codec)) {
    const detail = `The WAV file holds sound of kind ${codec}; PCM, float, A-law and mu-law are supported.`;
    throw new AppError("unsupported_audio", { detail });
  }
  const channels = format.readUInt16LE(2);
  const sampleRate = format.readUInt32LE(4);
  const sampleBytes = Math.ceil(format.readUInt16LE(14) / 8);
  const isPlausible =
    channels >= 1 &&
    channels <= 64 &&
    sampleBytes >= 1 &&
    sampleBytes <= 8 &&
    sampleRate >= 1000 &&
    sampleRate <= 768_000;
  if (!isPlausible) throw undecodable("The WAV file's format chunk is damaged.");
  return sampleRate * channels * sampleBytes;
}
