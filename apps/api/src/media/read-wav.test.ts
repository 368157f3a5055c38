import { LIMITS } from "@avatar/contract/limits";
import { expect, test } from "vitest";
import { codeOf, inspect, secondsOf, share } from "../../test/media/inspected-audio.ts";
import { ascii, aWav, riffChunk, sourceOf, uint } from "../../test/media/media-files.ts";
import { inspectAudio } from "./inspect-audio.ts";

test.each([
  ["16 bit", {}],
  ["24 bit stereo", { bits: 24, channels: 2 }],
  ["32 bit float", { bits: 32, codec: 3 }],
  ["A-law", { bits: 8, codec: 6 }],
  ["mu-law", { bits: 8, codec: 7 }],
])("%s sound is measured by its bytes", async (_name, format) => {
  expect(await secondsOf(aWav({ seconds: 1.5, ...format }), "audio/wav")).toBe(1.5);
});

test("the extensible format says in its extension what it holds", async () => {
  const extension = Buffer.concat([uint(22, 2), uint(16, 2), uint(4, 4), uint(1, 2), Buffer.alloc(14)]);
  const plain = aWav();
  const format = Buffer.concat([uint(0xfffe, 2), plain.subarray(22, 36), extension]);
  const file = Buffer.concat([plain.subarray(0, 12), riffChunk("fmt ", format), plain.subarray(36)]);
  expect(await secondsOf(file, "audio/wav")).toBe(1);
});

test("chunks of any length before the sound are skipped", async () => {
  const chunks = Buffer.concat([
    riffChunk("LIST", Buffer.alloc(1_000_001)),
    riffChunk("junk", Buffer.alloc(7)),
  ]);
  const source = sourceOf(aWav({ chunks }));
  expect(await inspectAudio(source, "audio/wav", LIMITS.audio)).toEqual({ format: "wav", seconds: 1 });
  expect(source.readBytes).toBeLessThan(600_000);
});

test("an encoder that wrote into a pipe is forgiven that it did not know the length", async () => {
  expect(await secondsOf(aWav({ claimedDataBytes: 0xffff_ffff }), "audio/wav")).toBe(1);
  expect(await secondsOf(aWav({ claimedDataBytes: 0, claimedRiffBytes: 0 }), "audio/wav")).toBe(1);
  expect(await secondsOf(aWav({ claimedDataBytes: 0, claimedRiffBytes: 36 }), "audio/wav")).toBe(1);
});

test("the 64-bit form says its length in a chunk of its own", async () => {
  const file = (bytes: bigint) => {
    const sizes = Buffer.alloc(28);
    sizes.writeBigUInt64LE(bytes, 8);
    const wav = aWav({ chunks: riffChunk("ds64", sizes), claimedDataBytes: 0xffff_ffff });
    return Buffer.concat([ascii("RF64"), wav.subarray(4)]);
  };
  expect(await secondsOf(file(16_000n), "audio/wav")).toBe(1);
  expect(await codeOf(file(2n ** 40n), "audio/wav")).toBe("audio_truncated");
});

test("1 KB that claims 18 hours is cut off", async () => {
  const file = aWav({ seconds: 0.06, claimedDataBytes: 8000 * 2 * 3600 * 18 });
  await expect(inspect(file, "audio/wav")).rejects.toMatchObject({
    code: "audio_truncated",
    message: "The file announces 64800 s of sound but holds 0.06 s.",
  });
});

test("a byte rate that lies changes nothing", async () => {
  const file = aWav();
  file.writeUInt32LE(1, 28);
  expect(await secondsOf(file, "audio/wav")).toBe(1);
});

test("one hundredth may be missing, more may not", async () => {
  const file = aWav({ seconds: 10 });
  expect(await secondsOf(share(file, 0.995), "audio/wav")).toBeCloseTo(9.95, 1);
  expect(await codeOf(share(file, 0.98), "audio/wav")).toBe("audio_truncated");
  expect(await codeOf(file.subarray(0, 40), "audio/wav")).toBe("audio_truncated");
});

test("sound of a kind that is not supported is named", async () => {
  await expect(inspect(aWav({ codec: 0x55 }), "audio/wav")).rejects.toMatchObject({
    code: "unsupported_audio",
  });
});

test.each([
  ["no channels", { channels: 0 }],
  ["a sample rate of 1 Hz", { sampleRate: 1, seconds: 1000 }],
  ["no bits", { bits: 0 }],
  ["a thousand chunks", { chunks: Buffer.concat(Array(1001).fill(riffChunk("junk", Buffer.alloc(0)))) }],
])("%s cannot be decoded", async (_name, wav) => {
  expect(await codeOf(aWav(wav), "audio/wav")).toBe("audio_undecodable");
});

test("sound before its format cannot be decoded", async () => {
  const file = Buffer.concat([ascii("RIFF\0\0\0\0WAVE"), riffChunk("data", Buffer.alloc(100))]);
  expect(await codeOf(file, "audio/wav")).toBe("audio_undecodable");
});
