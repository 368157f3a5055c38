import { ERRORS } from "@avatar/contract/errors";
import { LIMITS, type MediaType } from "@avatar/contract/limits";
import { describe, expect, test } from "vitest";
import { HOSTILE_AUDIO, type HostileFile } from "../../test/media/hostile-audio.ts";
import { HOSTILE_IMAGES } from "../../test/media/hostile-images.ts";
import { aJpeg, aPng, aWav, sample, sourceOf, sourceOfSize } from "../../test/media/media-files.ts";
import { seededRandom } from "../../test/support/seeded-random.ts";
import { AppError } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { inspectAudio } from "./inspect-audio.ts";
import { inspectImage } from "./inspect-image.ts";

const inspect = (source: ByteSource, declared: MediaType): Promise<unknown> =>
  declared.startsWith("image/")
    ? inspectImage(source, declared, LIMITS.image)
    : inspectAudio(source, declared, LIMITS.audio);

/** Expects an error that is the customer's to mend. */
async function expectRefused(source: ByteSource, declared: MediaType): Promise<void> {
  const error: unknown = await inspect(source, declared).then(
    () => "accepted",
    (reason) => reason,
  );
  expect(error).toBeInstanceOf(AppError);
  expect(ERRORS[(error as AppError).code].status).toBeGreaterThanOrEqual(400);
  expect(ERRORS[(error as AppError).code].status).toBeLessThan(500);
}

const FILES: HostileFile[] = [
  ...HOSTILE_IMAGES,
  ...HOSTILE_AUDIO,
  ...(
    ["image/png", "image/jpeg", "image/webp", "audio/wav", "audio/mpeg", "audio/mp4", "audio/aac"] as const
  ).map((type): HostileFile => [`${type} of no bytes`, type, () => Buffer.alloc(0)]),
];

// Bytes and requests are counted, not milliseconds: bench/hostile-files.ts has those.
test.each(FILES)("S3: a %s is refused after few reads", async (name, declared, make) => {
  const source = sourceOf(make());
  await expectRefused(source, declared);
  // A JPEG's end may be anywhere in its 20 MB. Sound says early on what it is.
  expect(source.readBytes).toBeLessThanOrEqual(declared.startsWith("image/") ? 20e6 : 32e6);
  expect(source.reads, name).toBeLessThanOrEqual(128);
  expect(source.longestRead).toBeLessThanOrEqual(4 * 1024 * 1024);
});

test.each([
  ["image/png", LIMITS.image.maxBytes],
  ["image/jpeg", LIMITS.image.maxBytes],
  ["image/webp", LIMITS.image.maxBytes],
  ["audio/wav", LIMITS.audio.maxBytes],
  ["audio/mpeg", LIMITS.audio.maxBytes],
  ["audio/mp4", LIMITS.audio.maxBytes],
  ["audio/aac", LIMITS.audio.maxBytes],
  ["audio/ogg", LIMITS.audio.maxBytes],
  ["audio/flac", LIMITS.audio.maxBytes],
] as const)("S3: a file of %s with one byte more than %i is refused unread", async (declared, maxBytes) => {
  await expectRefused(sourceOfSize(maxBytes + 1), declared);
});

const random = seededRandom(3);
const PLACES = Array.from({ length: 40 }, () => random());

describe("S3: a file that is cut off is refused", () => {
  const flac = sample("tone.flac");
  test.each([
    ["PNG", "image/png", aPng()],
    ["JPEG", "image/jpeg", aJpeg()],
    ["photo", "image/jpeg", sample("portrait.jpg")],
    ["lossy WebP", "image/webp", sample("portrait-lossy.webp")],
    ["lossless WebP", "image/webp", sample("portrait-lossless.webp")],
    ["WAV", "audio/wav", aWav()],
    ["MP3 with its length", "audio/mpeg", sample("tone-xing.mp3")],
    ["M4A", "audio/mp4", sample("tone.m4a")],
    ["M4A with its header in front", "audio/mp4", sample("tone-faststart.m4a")],
    ["Opus", "audio/ogg", sample("tone-opus.ogg")],
    ["Vorbis", "audio/ogg", sample("tone-vorbis.ogg")],
    // A frame does not say how long it is: up to one block may be missing.
    ["FLAC", "audio/flac", flac.subarray(0, flac.lastIndexOf(Buffer.from([0xff, 0xf8])))],
  ] as const)("%s", async (_name, declared, file) => {
    for (const place of PLACES) {
      await expectRefused(sourceOf(file.subarray(0, Math.floor(place * file.length * 0.98))), declared);
    }
  });
});

// Nothing in them says how long they should be.
test.each([
  ["MP3 without its length", "audio/mpeg", "tone-cbr.mp3"],
  ["AAC", "audio/aac", "tone.aac"],
  ["M4A in fragments", "audio/mp4", "tone-fragmented.m4a"],
] as const)(
  "S3: an %s that is cut off is no longer than what is left of it",
  async (_name, declared, name) => {
    const file = sample(name);
    const whole = await inspectAudio(sourceOf(file), declared, LIMITS.audio);
    for (const place of PLACES) {
      const cut = sourceOf(file.subarray(0, Math.floor(place * file.length)));
      const seconds = await inspectAudio(cut, declared, LIMITS.audio).then(
        (found) => found.seconds,
        (error) => {
          expect(error).toBeInstanceOf(AppError);
          return 0;
        },
      );
      expect(seconds).toBeLessThanOrEqual(whole.seconds);
    }
  },
);

test("S3: a recording of 10 h within the size limit is read no further than the longest one allowed", async () => {
  const mp3 = HOSTILE_AUDIO.find(([name]) => name === "MP3 of 10 h");
  const source = sourceOf(mp3?.[2]() ?? Buffer.alloc(0));
  await expect(inspectAudio(source, "audio/mpeg", LIMITS.audio)).rejects.toMatchObject({
    code: "audio_too_long",
  });
  expect(source.readBytes).toBeLessThan(source.size / 10);
});
