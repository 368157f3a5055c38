import { expect, test } from "vitest";
import { codeOf, secondsOf, share } from "../../test/media/inspected-audio.ts";
import { ascii, sample } from "../../test/media/media-files.ts";

const atEnd = sample("tone.m4a");
const atStart = sample("tone-faststart.m4a");
const inFragments = sample("tone-fragmented.m4a");

const patched = (file: Buffer, box: string, offset: number, value: number) => {
  const copy = Buffer.from(file);
  copy.writeUInt32BE(value, copy.indexOf(box) + offset);
  return copy;
};

test.each([
  ["with its header at the end", atEnd],
  ["with its header at the start", atStart],
  ["in fragments", inFragments],
])("a file %s that is cut off is refused", async (_name, file) => {
  expect(await codeOf(share(file, 0.75), "audio/mp4")).toBe("audio_truncated");
});

test.each([
  ["a length", patched(patched(atEnd, "mdhd", 20, 16_000 * 3600), "edts", 0, 0x66726565)],
  ["edits", patched(atEnd, "elst", 12, 3_600_000)],
  ["a sample size", patched(atEnd, "stsz", 8, 100_000)],
  ["samples in a fragment", patched(inFragments, "trun", 8, 0x7fff_ffff)],
])("%s that the bytes do not hold is refused", async (_name, file) => {
  expect(await codeOf(file, "audio/mp4")).toMatch(/^audio_(truncated|undecodable)$/);
});

test("a length that is too small hides nothing", async () => {
  const withoutEdits = patched(patched(atEnd, "mdhd", 20, 1), "edts", 0, 0x66726565);
  expect(await secondsOf(withoutEdits, "audio/mp4")).toBeCloseTo(0.864, 3);
});

test("the silence that the encoder put around the sound does not count", async () => {
  expect(await secondsOf(atEnd, "audio/mp4")).toBe(0.8);
  const part = patched(atEnd, "elst", 12, 600);
  expect(await secondsOf(part, "audio/mp4")).toBe(0.6);
});

test("an edit of no length, or a pause, leaves the sound as it is", async () => {
  expect(await secondsOf(patched(atEnd, "elst", 12, 0), "audio/mp4")).toBeCloseTo(0.864, 3);
  expect(await secondsOf(patched(atEnd, "elst", 16, 0xffff_ffff), "audio/mp4")).toBeCloseTo(0.864, 3);
});

test("edits in the long form are read, too", async () => {
  const list = Buffer.concat([
    ascii("\0\0\0\x34elst\x01\0\0\0\0\0\0\x02"),
    Buffer.from("0000000000000064ffffffffffffffff00010000", "hex"), // a pause
    Buffer.from("00000000000002580000000000000400", "hex"), // 600 ticks; its rate is cut off, as nobody reads it
  ]);
  const at = atEnd.indexOf("elst") - 4;
  const bytes = atEnd.readUInt32BE(at);
  const copy = Buffer.concat([atEnd.subarray(0, at), list, Buffer.alloc(4), atEnd.subarray(at + bytes)]);
  const grown = list.length + 4 - bytes;
  for (const box of ["edts", "trak", "moov"]) {
    const size = copy.indexOf(box) - 4;
    copy.writeUInt32BE(copy.readUInt32BE(size) + grown, size);
  }
  copy.writeUInt32BE(list.length + 4, at);
  expect(await secondsOf(copy, "audio/mp4")).toBe(0.6);
});

test.each([
  ["no header", Buffer.concat([atEnd.subarray(0, atEnd.indexOf("moov") - 4), Buffer.alloc(4)])],
  ["no time scale", patched(atEnd, "mdhd", 16, 0)],
  ["a box shorter than itself", patched(atEnd, "mdia", -4, 4)],
  ["a box longer than the one around it", patched(atStart, "stts", -4, 2000)],
  ["no table of times", patched(atEnd, "stts", 0, 0x66726565)],
  ["a flood of boxes", Buffer.concat([atEnd, ...Array(21_000).fill(ascii("\0\0\0\x08free"))])],
])("%s cannot be decoded", async (_name, file) => {
  expect(await codeOf(file, "audio/mp4")).toBe("audio_undecodable");
});

test("a film without sound is not supported", async () => {
  const silent = Buffer.from(atEnd);
  silent.write("vide", silent.indexOf("soun"), "latin1");
  expect(await codeOf(silent, "audio/mp4")).toBe("unsupported_audio");
});

test("protected sound is not supported", async () => {
  const encrypted = Buffer.from(atEnd);
  encrypted.write("enca", encrypted.indexOf("mp4a"), "latin1");
  expect(await codeOf(encrypted, "audio/mp4")).toBe("unsupported_audio");
});
