import { expect, test } from "vitest";
import { aPng, ascii, aWav, id3Tag, sample } from "../../test/media/media-files.ts";
import { sniffFormat } from "./sniff-format.ts";

test.each([
  ["png", aPng()],
  ["wav", aWav()],
  ["jpeg", sample("portrait.jpg")],
  ["webp", sample("portrait-lossy.webp")],
  ["webp", sample("portrait-lossless.webp")],
  ["mp3", sample("tone-xing.mp3")],
  ["mp3", sample("tone-cbr.mp3").subarray(20)],
  ["m4a", sample("tone.m4a")],
  ["m4a", sample("tone-fragmented.m4a")],
  ["aac", sample("tone.aac")],
  ["ogg", sample("tone-opus.ogg")],
  ["flac", sample("tone.flac")],
])("%s is known by its first bytes", (format, file) => {
  expect(sniffFormat(file.subarray(0, 8199))).toBe(format);
});

test.each([
  ["nothing", Buffer.alloc(0)],
  ["text", ascii("This is a recording, honestly.")],
  ["HTML", ascii("<!doctype html><script>alert(1)</script>")],
  ["SVG", ascii('<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>')],
  ["GIF", ascii("GIF89a\x01\0\x01\0")],
  ["a program", ascii("\x7fELF\x02\x01\x01")],
  ["ZIP", ascii("PK\x03\x04\x14\0")],
  ["AVI", ascii("RIFF\x00\x10\0\0AVI LIST")],
  ["HEIC", ascii("\0\0\0\x18ftypheic\0\0\0\0")],
  ["AVIF", ascii("\0\0\0\x1cftypavif\0\0\0\0")],
  ["WebM", ascii("\x1a\x45\xdf\xa3")],
  ["the word ID3", ascii("ID3 is a tag format, said the text file")],
  [
    "one MP3 frame and then text",
    Buffer.concat([sample("tone-cbr.mp3").subarray(20, 140), Buffer.alloc(2000, "text")]),
  ],
  ["bytes of one kind", Buffer.alloc(8199, 0xff)],
])("%s is of no known format", (_name, file) => {
  expect(sniffFormat(file)).toBeUndefined();
});

test("an ID3 tag announces an MP3", () => {
  expect(sniffFormat(id3Tag(100_000).subarray(0, 8199))).toBe("mp3");
});
