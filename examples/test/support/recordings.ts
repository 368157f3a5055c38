import { readFile } from "node:fs/promises";

const HEADER_BYTES = 44;
const BYTES_PER_SECOND = 32_000;

/** The beginning of a 16 kHz mono WAV file, as a file of its own: its video is soon made. */
export async function firstSecondOf(path: string): Promise<Buffer> {
  const wav = (await readFile(path)).subarray(0, HEADER_BYTES + BYTES_PER_SECOND);
  wav.writeUInt32LE(wav.length - 8, 4);
  wav.writeUInt32LE(wav.length - HEADER_BYTES, 40);
  return wav;
}
