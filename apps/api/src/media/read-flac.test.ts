import { expect, test } from "vitest";
import { codeOf, secondsOf, share } from "../../test/media/inspected-audio.ts";
import { flacFrame, flacInfo } from "../../test/media/long-audio.ts";
import { ascii, sample } from "../../test/media/media-files.ts";

const file = sample("tone.flac");

test("a file that is cut off holds less than it announces", async () => {
  expect(await codeOf(share(file, 0.4), "audio/flac")).toBe("audio_truncated");
  expect(await codeOf(file.subarray(0, 42), "audio/flac")).toBe("audio_truncated");
});

test("the frames count, not a total that is missing or too small", async () => {
  for (const total of [0, 1]) {
    const patched = Buffer.from(file);
    patched.writeUInt32BE(total, 22);
    expect(await secondsOf(patched, "audio/flac")).toBeCloseTo(0.8, 3);
  }
});

test.each([
  ["no sampling rate", (bytes: Buffer) => bytes.fill(0, 18, 21)],
  ["no frame", (bytes: Buffer) => bytes.fill(0, bytes.indexOf(Buffer.from([0xff, 0xf8])))],
  [
    "endless metadata",
    (bytes: Buffer) => Buffer.concat([bytes.fill(0, 4, 5).subarray(0, 42), Buffer.alloc(9000)]),
  ],
])("%s cannot be decoded", async (_name, damage) => {
  expect(await codeOf(damage(Buffer.from(file)), "audio/flac")).toBe("audio_undecodable");
});

// Frame headers behind a STREAMINFO of blocks of 4096 samples, 96 kHz, mono, total unknown.
test.each([
  ["a whole block", "fff8c000e18e881f", 5001 * 4096],
  ["a block of 1000 samples", "fff87000e18e8803e7e8", 5000 * 4096 + 1000],
  ["a block of 200 samples", "fff86000e18e88c7d1", 5000 * 4096 + 200],
  ["a block that repeats its sampling rate", "fff8cd00e18e881f4087", 5001 * 4096],
  ["a block numbered by its first sample", "fff9c000f98e88808093", 5001 * 4096],
])("%s at the end says how long the recording is", async (_name, header, samples) => {
  const info = Buffer.concat([Buffer.from("10001000000000000000177000f0", "hex"), Buffer.alloc(20)]);
  const start = Buffer.concat([ascii("fLaC\x80\0\0\x22"), info]);
  const flac = Buffer.concat([start, flacFrame(0), Buffer.from(header, "hex"), Buffer.alloc(20)]);
  expect(await secondsOf(flac, "audio/flac")).toBe(samples / 96_000);
});

test("a stream that was cut out of another one is as long as the cut", async () => {
  const frames = Array.from({ length: 10 }, (_, index) => flacFrame(5000 + index));
  expect(await secondsOf(Buffer.concat([flacInfo(), ...frames]), "audio/flac")).toBe((10 * 4096) / 8000);
  const info = flacInfo();
  info.writeUInt32BE(8000 * 3600, 22); // the length of the other one
  expect(await secondsOf(Buffer.concat([info, ...frames]), "audio/flac")).toBe((10 * 4096) / 8000);
});
