import { ERRORS } from "@avatar/contract/errors";
import { LIMITS, type MediaType } from "@avatar/contract/limits";
import fc from "fast-check";
import { expect, test } from "vitest";
import { aVideo } from "../../test/media/a-video.ts";
import { m4aOf } from "../../test/media/long-audio.ts";
import { aJpeg, aPng, aWav, exifSegment, sample, sourceOf } from "../../test/media/media-files.ts";
import { isProof, SEED } from "../../test/support/seeded-random.ts";
import { AppError } from "../errors.ts";
import type { ByteSource } from "./byte-source.ts";
import { inspectAudio } from "./inspect-audio.ts";
import { inspectImage } from "./inspect-image.ts";
import { inspectVideo, VideoUnplayable } from "./inspect-video.ts";

const RUNS = isProof ? 20_000 : 200;
const TIMEOUT_MS = isProof ? 600_000 : 30_000;

type Edit = (file: Buffer) => Buffer;

/** A place in a file of any length. Headers are at the start, and that is where damage leads a parser astray. */
const place = fc.oneof(
  fc.double({ min: 0, max: 1, noNaN: true }),
  fc.double({ min: 0, max: 0.05, noNaN: true }),
);
const at = (file: Buffer, where: number) => Math.min(file.length - 1, Math.floor(where * file.length));

const flipped = fc.tuple(place, fc.nat(7)).map(
  ([where, bit]): Edit =>
    (file) => {
      const index = at(file, where);
      file[index] = (file[index] ?? 0) ^ (1 << bit);
      return file;
    },
);
const truncated = place.map(
  (where): Edit =>
    (file) =>
      file.subarray(0, at(file, where) + 1),
);
const spliced = fc.tuple(place, place, place).map(
  ([to, from, end]): Edit =>
    (file) =>
      Buffer.concat([
        file.subarray(0, at(file, to)),
        file.subarray(at(file, from), at(file, end) + 1),
        file.subarray(at(file, to)),
      ]),
);
/** What a length or a count might be told to be. */
const lengthened = fc
  .tuple(
    place,
    fc.constantFrom(0, 1, 7, 8, 0x7f, 0xff, 0xffff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
    fc.boolean(),
  )
  .map(
    ([where, value, isLittle]): Edit =>
      (file) => {
        const index = Math.min(at(file, where), file.length - 4);
        if (index < 0) return file;
        if (isLittle) file.writeUInt32LE(value, index);
        else file.writeUInt32BE(value, index);
        return file;
      },
  );
const edits = fc.array(fc.oneof(flipped, truncated, spliced, lengthened), { minLength: 1, maxLength: 8 });

const damaged = (whole: Buffer) =>
  edits.map((list) =>
    list.reduce<Buffer>((file, edit) => (file.length > 0 ? edit(file) : file), Buffer.from(whole)),
  );

/** Noise behind the first bytes by which the format is known. */
const disguised = (whole: Buffer, magicBytes: number) =>
  fc
    .uint8Array({ maxLength: 4096, size: "max" })
    .map((noise) => Buffer.concat([whole.subarray(0, magicBytes), noise]));

/** An answer or a refusal, after a pass over the file and a few looks back. */
async function expectAnswer(file: Buffer, declared: MediaType | "video/mp4"): Promise<void> {
  const source = sourceOf(file);
  const error: unknown = await inspect(source, declared).then(
    () => undefined,
    (reason) => reason,
  );
  expect(source.readBytes).toBeLessThanOrEqual(4 * file.length + 1000);
  expect(source.reads).toBeLessThanOrEqual(500);
  if (error === undefined || (declared === "video/mp4" && error instanceof VideoUnplayable)) return;
  if (!(error instanceof AppError)) throw error;
  expect(ERRORS[error.code].status).toBeLessThan(500);
}

function inspect(source: ByteSource, declared: MediaType | "video/mp4"): Promise<unknown> {
  if (declared === "video/mp4") return inspectVideo(source);
  return declared.startsWith("image/")
    ? inspectImage(source, declared, LIMITS.image)
    : inspectAudio(source, declared, LIMITS.audio);
}

test.each([
  ["PNG", "image/png", 33, aPng()],
  ["JPEG", "image/jpeg", 4, aJpeg({ segments: [exifSegment(6)] })],
  ["photo", "image/jpeg", 20, sample("portrait.jpg")],
  ["lossy WebP", "image/webp", 20, sample("portrait-lossy.webp")],
  ["lossless WebP", "image/webp", 20, sample("portrait-lossless.webp")],
  ["WAV", "audio/wav", 36, aWav({ seconds: 0.6 })],
  ["MP3 with its length", "audio/mpeg", 200, sample("tone-xing.mp3")],
  ["MP3", "audio/mpeg", 300, sample("tone-vbr.mp3")],
  ["AAC", "audio/aac", 400, sample("tone.aac")],
  ["M4A", "audio/mp4", 36, sample("tone.m4a")],
  ["M4A with its header in front", "audio/mp4", 36, m4aOf({ samples: 20 })],
  ["M4A in fragments", "audio/mp4", 700, sample("tone-fragmented.m4a")],
  ["Opus", "audio/ogg", 47, sample("tone-opus.ogg")],
  ["Vorbis", "audio/ogg", 58, sample("tone-vorbis.ogg")],
  ["FLAC", "audio/flac", 42, sample("tone.flac")],
  ["video", "video/mp4", 32, aVideo({ seconds: 1 })],
] as const)(
  "S3: a damaged %s gets an answer or a refusal",
  async (_name, declared, magicBytes, whole) => {
    const file = fc.oneof(
      { weight: 4, arbitrary: damaged(whole) },
      { weight: 1, arbitrary: disguised(whole, magicBytes) },
    );
    const property = fc.asyncProperty(file, (bytes) => expectAnswer(bytes, declared));
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
  },
  TIMEOUT_MS,
);
