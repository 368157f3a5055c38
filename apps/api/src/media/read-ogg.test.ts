import { expect, test } from "vitest";
import { codeOf, secondsOf, share } from "../../test/media/inspected-audio.ts";
import { ascii, sample, uint } from "../../test/media/media-files.ts";

const opus = sample("tone-opus.ogg");
const lastPage = opus.lastIndexOf("OggS");

test("recordings one after the other add up", async () => {
  expect(await secondsOf(Buffer.concat([opus, opus]), "audio/ogg")).toBeCloseTo(1.6, 3);
  expect(await secondsOf(Buffer.concat([opus, sample("tone-vorbis.ogg")]), "audio/ogg")).toBeCloseTo(1.6, 3);
});

test.each(["tone-opus.ogg", "tone-vorbis.ogg"])("%s that is cut in a page is refused", async (name) => {
  expect(await codeOf(share(sample(name), 0.95), "audio/ogg")).toBe("audio_truncated");
});

test("the end of a recording that was stopped between two pages is not missed", async () => {
  expect(await secondsOf(opus.subarray(0, lastPage), "audio/ogg")).toBeGreaterThan(0.5);
});

test.each(["tone-opus.ogg", "tone-vorbis.ogg"])("%s with a position of 18 hours is refused", async (name) => {
  const file = Buffer.from(sample(name));
  file.writeBigInt64LE(48_000n * 3600n * 18n, file.lastIndexOf("OggS") + 6);
  expect(await codeOf(file, "audio/ogg")).toMatch(/^audio_(truncated|too_short)$/);
});

test("an Opus position that is too small hides nothing", async () => {
  const file = Buffer.from(opus);
  file.writeBigInt64LE(1n, lastPage + 6);
  expect(await secondsOf(file, "audio/ogg")).toBeGreaterThan(0.7);
});

test("a recording of a broadcast starts where it starts", async () => {
  const file = Buffer.from(opus);
  for (let at = file.indexOf("OggS"); at >= 0; at = file.indexOf("OggS", at + 4)) {
    const position = file.readBigInt64LE(at + 6);
    if (position > 0n) file.writeBigInt64LE(position + 48_000_000n, at + 6);
  }
  expect(await secondsOf(file, "audio/ogg")).toBeCloseTo(0.8, 1);
});

test("a codec other than Opus and Vorbis is not supported", async () => {
  const file = Buffer.from(opus);
  file.write("Speex   ", file.indexOf("OpusHead"), "latin1");
  expect(await codeOf(file, "audio/ogg")).toBe("unsupported_audio");
});

test("a damaged page cannot be decoded", async () => {
  const file = Buffer.from(opus);
  file.write("oops", lastPage, "latin1");
  expect(await codeOf(file, "audio/ogg")).toBe("audio_undecodable");
});

test.each([
  ["pages", 41_000, Buffer.alloc(0)],
  ["packets", 1100, Buffer.alloc(255, 0)],
])("a flood of empty %s cannot keep us busy", async (_name, count, lacing) => {
  const start = Buffer.concat([ascii("OggS\0\0"), Buffer.alloc(8), opus.subarray(14, 18), Buffer.alloc(8)]);
  const page = Buffer.concat([start, uint(lacing.length, 1), lacing]);
  const file = Buffer.concat([opus.subarray(0, lastPage), ...Array(count).fill(page)]);
  expect(await codeOf(file, "audio/ogg")).toBe("audio_undecodable");
});
