import { SPEECH } from "./fixtures.ts";

const HEADER_BYTES = 44;

/** The first part of the recorded speech, as a WAV file: quick to render. */
export function shortSpeech(seconds: number): Buffer {
  const bytesPerSecond = SPEECH.readUInt32LE(28);
  const frameBytes = SPEECH.readUInt16LE(32);
  const dataBytes = Math.round((seconds * bytesPerSecond) / frameBytes) * frameBytes;
  const file = Buffer.from(SPEECH.subarray(0, HEADER_BYTES + dataBytes));
  file.writeUInt32LE(HEADER_BYTES + dataBytes - 8, 4);
  file.writeUInt32LE(dataBytes, 40);
  return file;
}
