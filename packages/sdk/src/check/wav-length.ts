import { Damaged, type FileHeader, textOf } from "./file-header.ts";

/** Sound that is stored in a way that the API does not read. */
export class Unsupported extends Error {}

export interface WavLength {
  /** What the bytes hold. */
  seconds: number;
  /** What the header says they hold. */
  claimedSeconds: number;
}

/** As many as the API follows. */
const MAX_CHUNKS = 100;
/** Encoders that write into a pipe cannot know the length. */
const UNKNOWN = 0xffff_ffff;

/** RIFF and its 64-bit form RF64: a list of chunks, of which "fmt " must come before "data". */
export async function readWav(file: FileHeader): Promise<WavLength> {
  const riffBytes = (await file.read(4, 4)).getUint32(0, true);
  let bytesPerSecond: number | undefined;
  let longDataBytes: number | undefined;
  let at = 12;
  for (let count = 0; count < MAX_CHUNKS; count++) {
    const head = await file.read(at, 8);
    const name = textOf(head, 0, 4);
    const bytes = head.getUint32(4, true);
    at += 8;
    if (name === "fmt ") bytesPerSecond = readFormat(await file.read(at, Math.min(bytes, 40)));
    if (name === "ds64") longDataBytes = Number((await file.read(at + 8, 8)).getBigUint64(0, true));
    if (name === "data") {
      if (!bytesPerSecond) throw new Damaged("WAV");
      const held = file.size - at;
      const claimed = bytes === UNKNOWN ? longDataBytes : bytes;
      // A header that was never completed has 0, and a RIFF size that ends where the sound starts.
      const isUnknown = claimed === undefined || (claimed === 0 && riffBytes + 8 <= at);
      const sound = isUnknown ? held : claimed;
      return { seconds: Math.min(sound, held) / bytesPerSecond, claimedSeconds: sound / bytesPerSecond };
    }
    at += bytes + (bytes % 2);
  }
  throw new Damaged("WAV");
}

const [PCM, FLOAT, A_LAW, MU_LAW] = [1, 3, 6, 7];
const EXTENSIBLE = 0xfffe;

/** Computed, not read from the header's byte rate: that one may lie, and decoders do not use it. */
function readFormat(format: DataView): number {
  if (format.byteLength < 16) throw new Damaged("WAV");
  const word = (at: number) => format.getUint16(at, true);
  const codec = word(0) === EXTENSIBLE && format.byteLength >= 26 ? word(24) : word(0);
  if (![PCM, FLOAT, A_LAW, MU_LAW].includes(codec)) throw new Unsupported();
  const channels = word(2);
  const sampleRate = format.getUint32(4, true);
  const sampleBytes = Math.ceil(word(14) / 8);
  const isPlausible =
    channels >= 1 &&
    channels <= 64 &&
    sampleBytes >= 1 &&
    sampleBytes <= 8 &&
    sampleRate >= 1000 &&
    sampleRate <= 768_000;
  if (!isPlausible) throw new Damaged("WAV");
  return sampleRate * channels * sampleBytes;
}
