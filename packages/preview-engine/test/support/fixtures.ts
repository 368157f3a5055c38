import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import { SAMPLE_RATE_HZ } from "../../src/timing.ts";

const MEDIA = new URL("../../../../examples/media/", import.meta.url);
export const PORTRAIT = fileURLToPath(new URL("portrait.png", MEDIA));
export const SPEECH_3S = fileURLToPath(new URL("speech-3s.wav", MEDIA));
export const SPEECH_7S = fileURLToPath(new URL("speech-7s.wav", MEDIA));

/** An empty folder that goes away with the test. */
export function aFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "preview-engine-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** A file with these bytes that goes away with the test. */
export function aFile(name: string, bytes: Uint8Array | string): string {
  const path = join(aFolder(), name);
  writeFileSync(path, bytes);
  return path;
}

/** 16-bit mono WAV at the analysis rate. */
export function aWav(samples: ArrayLike<number>, rateHz = SAMPLE_RATE_HZ): Buffer {
  const header = Buffer.alloc(44);
  const dataBytes = 2 * samples.length;
  header.write("RIFF", 0, "latin1");
  header.writeUInt32LE(36 + dataBytes, 4);
  header.write("WAVEfmt ", 8, "latin1");
  header.writeUInt32LE(16, 16);
  header.writeUInt16LE(1, 20);
  header.writeUInt16LE(1, 22);
  header.writeUInt32LE(rateHz, 24);
  header.writeUInt32LE(2 * rateHz, 28);
  header.writeUInt16LE(2, 32);
  header.writeUInt16LE(16, 34);
  header.write("data", 36, "latin1");
  header.writeUInt32LE(dataBytes, 40);
  const data = Buffer.alloc(dataBytes);
  for (let i = 0; i < samples.length; i++) data.writeInt16LE(samples[i] ?? 0, 2 * i);
  return Buffer.concat([header, data]);
}

/** The first samples of the 3 s recording, which holds 2.99 s. */
export function speechSamples(seconds: number): Int16Array {
  const bytes = readFileSync(SPEECH_3S);
  const start = bytes.indexOf("data") + 8;
  return Int16Array.from({ length: seconds * SAMPLE_RATE_HZ }, (_, i) => bytes.readInt16LE(start + 2 * i));
}

/** The beginning of the 3 s recording as a WAV file. */
export function aShortSpeech(seconds = 0.6): string {
  return aFile("speech.wav", aWav(speechSamples(seconds)));
}

export function tone(hz: number, seconds: number, amplitude = 0.5): Int16Array {
  return Int16Array.from({ length: seconds * SAMPLE_RATE_HZ }, (_, i) =>
    Math.round(32767 * amplitude * Math.sin((2 * Math.PI * hz * i) / SAMPLE_RATE_HZ)),
  );
}
