import { ERRORS } from "@avatar/contract/errors";
import { LIMITS, type MediaType } from "@avatar/contract/limits";
import { expect, test } from "vitest";
import { aJpeg, aPng, aWav, exifSegment, sample, sourceOf } from "../../test/media/media-files.ts";
import { AppError } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { inspectAudio } from "./inspect-audio.ts";
import { inspectImage } from "./inspect-image.ts";

const RUNS = 300;

/** mulberry32: small, and the same on every machine. */
function createRandom(seed: number) {
  let state = seed;
  return (below: number): number => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function damage(file: Buffer, random: (below: number) => number): Buffer {
  const copy = Buffer.from(file);
  for (let count = 1 + random(8); count > 0; count--) {
    // Headers are at the start of most formats, and that is where damage leads a parser astray.
    const at = random(random(2) ? Math.min(200, copy.length) : copy.length);
    copy.writeUInt8([0, 0xff, 0x7f, 0x80, 1, random(256)][random(6)] ?? 0, at);
  }
  const start = random(4) ? 0 : random(copy.length);
  return random(3) ? copy : Buffer.concat([copy.subarray(0, random(copy.length) + 1), copy.subarray(start)]);
}

const image = (source: ByteSource, declared: MediaType) => inspectImage(source, declared, LIMITS.image);
const audio = (source: ByteSource, declared: MediaType) => inspectAudio(source, declared, LIMITS.audio);

test.each([
  ["PNG", image, "image/png", aPng()],
  ["JPEG", image, "image/jpeg", aJpeg({ segments: [exifSegment(6)] })],
  ["JPEG", image, "image/jpeg", sample("portrait.jpg")],
  ["WebP", image, "image/webp", sample("portrait-lossy.webp")],
  ["WebP", image, "image/webp", sample("portrait-lossless.webp")],
  ["WAV", audio, "audio/wav", aWav()],
  ["MP3", audio, "audio/mpeg", sample("tone-xing.mp3")],
  ["MP3", audio, "audio/mpeg", sample("tone-vbr.mp3")],
  ["AAC", audio, "audio/aac", sample("tone.aac")],
  ["M4A", audio, "audio/mp4", sample("tone.m4a")],
  ["M4A", audio, "audio/mp4", sample("tone-fragmented.m4a")],
  ["Opus", audio, "audio/ogg", sample("tone-opus.ogg")],
  ["Vorbis", audio, "audio/ogg", sample("tone-vorbis.ogg")],
  ["FLAC", audio, "audio/flac", sample("tone.flac")],
] as const)(
  "a damaged %s is accepted or refused with a 4xx, and read a few times at the most",
  async (...row) => {
    const [, inspect, declared, file] = row;
    const random = createRandom(20_260_101);
    for (let run = 0; run < RUNS; run++) {
      const source = sourceOf(damage(file, random));
      const error: unknown = await inspect(source, declared).then(
        () => undefined,
        (reason) => reason,
      );
      if (error !== undefined) {
        expect(error).toBeInstanceOf(AppError);
        expect(ERRORS[(error as AppError).code].status).toBeLessThan(500);
      }
      expect(source.readBytes).toBeLessThan(8 * source.size + 1000);
    }
  },
);
