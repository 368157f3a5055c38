import { LIMITS } from "@avatar/contract/limits";
import { expect, test } from "vitest";
import { codeOf, inspect, secondsOf } from "../../test/media/inspected-audio.ts";
import { aPng, ascii, aWav, sample, sourceOf, sourceOfSize } from "../../test/media/media-files.ts";
import { inspectAudio } from "./inspect-audio.ts";

// Encoders of AAC and MP3 add silence. Where nothing in the file takes it back, it counts.
test.each([
  ["tone-xing.mp3", "audio/mpeg", "mp3", 0.8],
  ["tone-cbr.mp3", "audio/mp3", "mp3", 0.9],
  ["tone-vbr.mp3", "audio/mpeg", "mp3", 0.9],
  ["tone.m4a", "audio/mp4", "m4a", 0.8],
  ["tone-faststart.m4a", "audio/x-m4a", "m4a", 0.8],
  ["tone-fragmented.m4a", "audio/m4a", "m4a", 0.864],
  ["tone.aac", "audio/aac", "aac", 0.896],
  ["tone-opus.ogg", "audio/opus", "ogg", 0.8],
  ["tone-vorbis.ogg", "audio/ogg", "ogg", 0.8],
  ["tone.flac", "audio/flac", "flac", 0.8],
] as const)("%s is as long as what is to be heard of it", async (name, declared, format, length) => {
  const found = await inspect(sample(name), declared);
  expect(found).toEqual({ format, seconds: expect.closeTo(length, 3) });
});

test("a file without bytes is empty", async () => {
  expect(await codeOf(Buffer.alloc(0), "audio/wav")).toBe("empty_file");
});

test("a file over the limit is refused unread", async () => {
  const inspected = inspectAudio(sourceOfSize(LIMITS.audio.maxBytes + 1), "audio/wav", LIMITS.audio);
  await expect(inspected).rejects.toMatchObject({ code: "audio_too_large" });
});

test("bytes of no known format are not supported", async () => {
  expect(await codeOf(ascii("#!AMR\n and more"), "audio/mpeg")).toBe("unsupported_audio");
});

test("another format than the declared one is a mismatch", async () => {
  await expect(inspect(aWav(), "audio/mpeg")).rejects.toMatchObject({
    code: "media_type_mismatch",
    message: "The file is declared as audio/mpeg, but its bytes are WAV.",
  });
});

test("an image is no audio, whatever it is declared as", async () => {
  expect(await codeOf(aPng(), "audio/wav")).toBe("media_type_mismatch");
  expect(await codeOf(aPng(), "image/png")).toBe("media_type_mismatch");
});

test("a failure of the store is not blamed on the file", async () => {
  const lost = { size: 1000, read: () => Promise.reject(new Error("the disk is gone")) };
  await expect(inspectAudio(lost, "audio/wav", LIMITS.audio)).rejects.toThrow("the disk is gone");
});

test("a recording that is too short says how short", async () => {
  await expect(inspect(aWav({ seconds: 0.2 }), "audio/wav")).rejects.toMatchObject({
    code: "audio_too_short",
    message: "The recording is 0.2 s long; the minimum is 0.5 s.",
  });
  expect(await secondsOf(aWav({ seconds: LIMITS.audio.minSeconds }), "audio/wav")).toBe(0.5);
});

test("a recording that is too long names the maximum", async () => {
  await expect(
    inspect(aWav({ seconds: 600.01, sampleRate: 1000, bits: 8 }), "audio/wav"),
  ).rejects.toMatchObject({
    code: "audio_too_long",
    message: "The recording is longer than the maximum of 600 s.",
  });
  expect(await secondsOf(aWav({ seconds: 600, sampleRate: 1000, bits: 8 }), "audio/wav")).toBe(600);
});

test.each([
  ["audio_too_large", { maxBytes: 1000 }],
  ["audio_too_short", { minSeconds: 1.1 }],
  ["audio_too_long", { maxSeconds: 0.5 }],
] as const)("%s depends on the limits that are given", async (code, limits) => {
  const files = [aWav(), sample("tone-cbr.mp3"), sample("tone.aac"), sample("tone-opus.ogg")];
  const types = ["audio/wav", "audio/mpeg", "audio/aac", "audio/ogg"] as const;
  for (const [index, type] of types.entries()) {
    const source = sourceOf(files[index] ?? Buffer.alloc(0));
    await expect(inspectAudio(source, type, { ...LIMITS.audio, ...limits })).rejects.toMatchObject({ code });
  }
});
