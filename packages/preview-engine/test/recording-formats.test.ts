import { describe, expect, test } from "vitest";
import { inspectRecording } from "../src/audio/recording.ts";
import type { Encoder } from "../src/encoder/encoder.ts";
import { createProgramEncoder } from "../src/encoder/program-encoder.ts";
import { createWasmEncoder } from "../src/encoder/wasm-encoder.ts";
import { hasFfmpegProgram, runCore } from "./support/ffmpeg.ts";
import { aFile, aWav, tone } from "./support/fixtures.ts";

const ENCODERS: readonly (readonly [name: string, encoder: Encoder, isHere: boolean])[] = [
  ["wasm encoder", createWasmEncoder(), true],
  ["ffmpeg program", createProgramEncoder("ffmpeg"), hasFfmpegProgram],
];

describe.each(ENCODERS)("the %s decodes half a second of", (_name, encoder, isHere) => {
  test.skipIf(!isHere).each([
    ["MP3", "libmp3lame", "mp3", 0.06],
    ["M4A", "aac", "mp4", 0.02],
    ["AAC", "aac", "adts", 0.06],
    ["OGG Vorbis", "libvorbis", "ogg", 0.001],
    ["OGG Opus", "opus", "ogg", 0.02],
    ["FLAC", "flac", "flac", 0.001],
    ["24-bit WAV", "pcm_s24le", "wav", 0.001],
    ["float WAV", "pcm_f32le", "wav", 0.001],
    ["8-bit WAV", "pcm_u8", "wav", 0.001],
    ["telephone WAV", "pcm_mulaw", "wav", 0.001],
  ])("%s", async (_format, codec, container, paddingSeconds) => {
    // Made stereo, which ffmpeg does at -3 dB: the tone's 16384 come back as 11585.
    const original = aFile("tone.wav", aWav(tone(440, 0.5)));
    const args = ["-c:a", codec, "-strict", "-2", "-ar", "48000", "-ac", "2", "-f", container];
    const path = aFile("recording", await runCore(original, args, "encoded"));
    let count = 0;
    let loudest = 0;
    const take = (samples: Int16Array) => {
      count += samples.length;
      for (const sample of samples) loudest = Math.max(loudest, Math.abs(sample));
    };
    await encoder.decodeSpeech(await inspectRecording(path), take, {});
    expect(count / 16_000).toBeGreaterThanOrEqual(0.499);
    expect(count / 16_000).toBeLessThanOrEqual(0.501 + paddingSeconds);
    expect(loudest).toBeGreaterThan(10_000);
    expect(loudest).toBeLessThan(13_000);
  });
});
