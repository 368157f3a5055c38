import { LIMITS, type MediaType } from "@avatar/contract/limits";
import { describe, expect, test } from "vitest";
import {
  aPng,
  ascii,
  aWav,
  id3Tag,
  riffChunk,
  sample,
  sourceOf,
  sourceOfSize,
  uint,
} from "../../test/media/media-files.ts";
import { inspectAudio } from "./inspect-audio.ts";

const inspect = (file: Buffer, declared: MediaType) => inspectAudio(sourceOf(file), declared);
const seconds = async (file: Buffer, declared: MediaType) => (await inspect(file, declared)).seconds;
const code = (file: Buffer, declared: MediaType) =>
  inspect(file, declared).then(
    () => "accepted",
    (error) => error.code,
  );
const share = (file: Buffer, part: number) => file.subarray(0, Math.round(file.length * part));

describe("any audio", () => {
  // What each file decodes to: encoders of AAC and headerless MP3 add silence that no header takes back.
  test.each([
    ["tone-xing.mp3", "audio/mpeg", "mp3", 0.8],
    ["tone-cbr.mp3", "audio/mp3", "mp3", 0.9],
    ["tone-vbr.mp3", "audio/mpeg", "mp3", 0.9],
    ["tone.m4a", "audio/mp4", "m4a", 0.864],
    ["tone-faststart.m4a", "audio/x-m4a", "m4a", 0.864],
    ["tone-fragmented.m4a", "audio/m4a", "m4a", 0.864],
    ["tone.aac", "audio/aac", "aac", 0.896],
    ["tone-opus.ogg", "audio/opus", "ogg", 0.8],
    ["tone-vorbis.ogg", "audio/ogg", "ogg", 0.8],
    ["tone.flac", "audio/flac", "flac", 0.8],
  ] as const)("%s is as long as what it decodes to", async (name, declared, format, length) => {
    const found = await inspect(sample(name), declared);
    expect(found).toEqual({ format, seconds: expect.closeTo(length, 3) });
  });

  test("a file without bytes is empty", async () => {
    expect(await code(Buffer.alloc(0), "audio/wav")).toBe("empty_file");
  });

  test("a file over the limit is refused unread", async () => {
    const inspected = inspectAudio(sourceOfSize(LIMITS.audio.maxBytes + 1), "audio/wav");
    await expect(inspected).rejects.toMatchObject({ code: "audio_too_large" });
  });

  test("bytes of no known format are not supported", async () => {
    expect(await code(ascii("#!AMR\n and more"), "audio/mpeg")).toBe("unsupported_audio");
  });

  test("another format than the declared one is a mismatch", async () => {
    await expect(inspect(aWav(), "audio/mpeg")).rejects.toMatchObject({
      code: "media_type_mismatch",
      message: "The file is declared as audio/mpeg, but its bytes are WAV.",
    });
  });

  test("an image is no audio, whatever it is declared as", async () => {
    expect(await code(aPng(), "audio/wav")).toBe("media_type_mismatch");
    expect(await code(aPng(), "image/png")).toBe("media_type_mismatch");
  });

  test("a failure of the store is not blamed on the file", async () => {
    const lost = { size: 1000, read: () => Promise.reject(new Error("the disk is gone")) };
    await expect(inspectAudio(lost, "audio/wav")).rejects.toThrow("the disk is gone");
  });

  test("a recording that is too short says how short", async () => {
    await expect(inspect(aWav({ seconds: 0.2 }), "audio/wav")).rejects.toMatchObject({
      code: "audio_too_short",
      message: "The recording is 0.2 s long; the minimum is 0.5 s.",
    });
    expect(await seconds(aWav({ seconds: LIMITS.audio.minSeconds }), "audio/wav")).toBe(0.5);
  });

  test("a recording that is too long names the maximum", async () => {
    await expect(
      inspect(aWav({ seconds: 600.01, sampleRate: 1000, bits: 8 }), "audio/wav"),
    ).rejects.toMatchObject({
      code: "audio_too_long",
      message: "The recording is longer than the maximum of 600 s.",
    });
    expect(await seconds(aWav({ seconds: 600, sampleRate: 1000, bits: 8 }), "audio/wav")).toBe(600);
  });
});

describe("WAV", () => {
  test.each([
    ["16 bit", {}],
    ["24 bit stereo", { bits: 24, channels: 2 }],
    ["32 bit float", { bits: 32, codec: 3 }],
    ["A-law", { bits: 8, codec: 6 }],
    ["mu-law", { bits: 8, codec: 7 }],
  ])("%s sound is measured by its bytes", async (_name, format) => {
    expect(await seconds(aWav({ seconds: 1.5, ...format }), "audio/wav")).toBe(1.5);
  });

  test("the extensible format says in its extension what it holds", async () => {
    const extension = Buffer.concat([uint(22, 2), uint(16, 2), uint(4, 4), uint(1, 2), Buffer.alloc(14)]);
    const plain = aWav();
    const format = Buffer.concat([uint(0xfffe, 2), plain.subarray(22, 36), extension]);
    const file = Buffer.concat([plain.subarray(0, 12), riffChunk("fmt ", format), plain.subarray(36)]);
    expect(await seconds(file, "audio/wav")).toBe(1);
  });

  test("chunks of any length before the sound are skipped", async () => {
    const chunks = Buffer.concat([
      riffChunk("LIST", Buffer.alloc(1_000_001)),
      riffChunk("junk", Buffer.alloc(7)),
    ]);
    const source = sourceOf(aWav({ chunks }));
    expect(await inspectAudio(source, "audio/wav")).toEqual({ format: "wav", seconds: 1 });
    expect(source.readBytes).toBeLessThan(600_000);
  });

  test("an encoder that wrote into a pipe is forgiven that it did not know the length", async () => {
    expect(await seconds(aWav({ claimedDataBytes: 0xffff_ffff }), "audio/wav")).toBe(1);
    expect(await seconds(aWav({ claimedDataBytes: 0, claimedRiffBytes: 0 }), "audio/wav")).toBe(1);
    expect(await seconds(aWav({ claimedDataBytes: 0, claimedRiffBytes: 36 }), "audio/wav")).toBe(1);
  });

  test("the 64-bit form says its length in a chunk of its own", async () => {
    const file = (bytes: bigint) => {
      const sizes = Buffer.alloc(28);
      sizes.writeBigUInt64LE(bytes, 8);
      const wav = aWav({ chunks: riffChunk("ds64", sizes), claimedDataBytes: 0xffff_ffff });
      return Buffer.concat([ascii("RF64"), wav.subarray(4)]);
    };
    expect(await seconds(file(16_000n), "audio/wav")).toBe(1);
    expect(await code(file(2n ** 40n), "audio/wav")).toBe("audio_truncated");
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
    expect(await seconds(file, "audio/wav")).toBe(1);
  });

  test("one hundredth may be missing, more may not", async () => {
    const file = aWav({ seconds: 10 });
    expect(await seconds(share(file, 0.995), "audio/wav")).toBeCloseTo(9.95, 1);
    expect(await code(share(file, 0.98), "audio/wav")).toBe("audio_truncated");
    expect(await code(file.subarray(0, 40), "audio/wav")).toBe("audio_truncated");
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
    expect(await code(aWav(wav), "audio/wav")).toBe("audio_undecodable");
  });

  test("sound before its format cannot be decoded", async () => {
    const file = Buffer.concat([ascii("RIFF\0\0\0\0WAVE"), riffChunk("data", Buffer.alloc(100))]);
    expect(await code(file, "audio/wav")).toBe("audio_undecodable");
  });
});

describe("MP3", () => {
  const constant = sample("tone-cbr.mp3");
  const frames = constant.subarray(20);

  test("a cover image of 1 MB is skipped unread", async () => {
    const source = sourceOf(Buffer.concat([id3Tag(1_000_000), frames]));
    expect((await inspectAudio(source, "audio/mpeg")).seconds).toBeCloseTo(0.9, 3);
    expect(source.readBytes).toBeLessThan(600_000);
  });

  test("tags behind the sound do not count", async () => {
    const ape = Buffer.concat([
      ascii("APETAGEX"),
      uint(2000, 4),
      uint(90_000, 4),
      Buffer.alloc(16 + 90_000, 0xff),
    ]);
    const file = Buffer.concat([frames, ape, Buffer.concat([ascii("TAG"), Buffer.alloc(125, 0xff)])]);
    expect(await seconds(file, "audio/mpeg")).toBeCloseTo(0.9, 3);
  });

  test("some padding before the sound does not count", async () => {
    expect(await seconds(Buffer.concat([id3Tag(10), Buffer.alloc(500), frames]), "audio/mpeg")).toBeCloseTo(
      0.9,
      3,
    );
  });

  test("a Xing header that claims more than there is means that the file is cut off", async () => {
    expect(await code(share(sample("tone-xing.mp3"), 0.7), "audio/mpeg")).toBe("audio_truncated");
  });

  test("a Xing header that claims less hides nothing", async () => {
    const file = Buffer.concat([sample("tone-xing.mp3"), ...Array(800).fill(frames)]);
    expect(await code(file, "audio/mpeg")).toBe("audio_too_long");
  });

  test("ten hours are refused without reading them all", async () => {
    const source = sourceOf(Buffer.concat(Array(4000).fill(frames)));
    await expect(inspectAudio(source, "audio/mpeg")).rejects.toMatchObject({ code: "audio_too_long" });
    expect(source.readBytes).toBeLessThan(source.size / 4);
  });

  test.each([
    ["a tag and nothing else", Buffer.concat([id3Tag(100), Buffer.alloc(100)]), "audio_undecodable"],
    ["a tag longer than the file", id3Tag(10_000).subarray(0, 5000), "audio_truncated"],
    [
      "sound with an archive behind it",
      Buffer.concat([frames, Buffer.alloc(100_000, "PK")]),
      "audio_undecodable",
    ],
  ])("%s is refused", async (_name, file, expected) => {
    expect(await code(file, "audio/mpeg")).toBe(expected);
  });
});

describe("AAC", () => {
  test("the sampling rate of the frames gives the length", async () => {
    const file = Buffer.concat(Array(10).fill(sample("tone.aac")));
    expect(await seconds(file, "audio/aac")).toBeCloseTo(8.96, 2);
  });
});

describe("FLAC", () => {
  const file = sample("tone.flac");

  test("a file that is cut off holds less than it announces", async () => {
    expect(await code(share(file, 0.4), "audio/flac")).toBe("audio_truncated");
    expect(await code(file.subarray(0, 42), "audio/flac")).toBe("audio_truncated");
  });

  test("the frames count, not a total that is missing or too small", async () => {
    for (const total of [0, 1]) {
      const patched = Buffer.from(file);
      patched.writeUInt32BE(total, 22);
      expect(await seconds(patched, "audio/flac")).toBeCloseTo(0.8, 3);
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
    expect(await code(damage(Buffer.from(file)), "audio/flac")).toBe("audio_undecodable");
  });
});

describe("OGG", () => {
  const opus = sample("tone-opus.ogg");
  const lastPage = opus.lastIndexOf("OggS");

  test("recordings one after the other add up", async () => {
    expect(await seconds(Buffer.concat([opus, opus]), "audio/ogg")).toBeCloseTo(1.6, 3);
    expect(await seconds(Buffer.concat([opus, sample("tone-vorbis.ogg")]), "audio/ogg")).toBeCloseTo(1.6, 3);
  });

  test.each(["tone-opus.ogg", "tone-vorbis.ogg"])("%s that is cut in a page is refused", async (name) => {
    expect(await code(share(sample(name), 0.95), "audio/ogg")).toBe("audio_truncated");
  });

  test("the end of a recording that was stopped between two pages is not missed", async () => {
    expect(await seconds(opus.subarray(0, lastPage), "audio/ogg")).toBeGreaterThan(0.5);
  });

  test.each(["tone-opus.ogg", "tone-vorbis.ogg"])(
    "%s with a position of 18 hours is refused",
    async (name) => {
      const file = Buffer.from(sample(name));
      file.writeBigInt64LE(48_000n * 3600n * 18n, file.lastIndexOf("OggS") + 6);
      expect(await code(file, "audio/ogg")).toMatch(/^audio_(truncated|too_short)$/);
    },
  );

  test("an Opus position that is too small hides nothing", async () => {
    const file = Buffer.from(opus);
    file.writeBigInt64LE(1n, lastPage + 6);
    expect(await seconds(file, "audio/ogg")).toBeGreaterThan(0.7);
  });

  test("a recording of a broadcast starts where it starts", async () => {
    const file = Buffer.from(opus);
    for (let at = file.indexOf("OggS"); at >= 0; at = file.indexOf("OggS", at + 4)) {
      const position = file.readBigInt64LE(at + 6);
      if (position > 0n) file.writeBigInt64LE(position + 48_000_000n, at + 6);
    }
    expect(await seconds(file, "audio/ogg")).toBeCloseTo(0.8, 1);
  });

  test("a codec other than Opus and Vorbis is not supported", async () => {
    const file = Buffer.from(opus);
    file.write("Speex   ", file.indexOf("OpusHead"), "latin1");
    expect(await code(file, "audio/ogg")).toBe("unsupported_audio");
  });

  test("a damaged page cannot be decoded", async () => {
    const file = Buffer.from(opus);
    file.write("oops", lastPage, "latin1");
    expect(await code(file, "audio/ogg")).toBe("audio_undecodable");
  });

  test("a flood of empty pages cannot keep us busy", async () => {
    const page = Buffer.concat([ascii("OggS\0\0"), Buffer.alloc(20), uint(0, 1)]);
    const file = Buffer.concat([opus.subarray(0, lastPage), ...Array(101_000).fill(page)]);
    expect(await code(file, "audio/ogg")).toBe("audio_undecodable");
  });
});

describe("M4A", () => {
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
    expect(await code(share(file, 0.75), "audio/mp4")).toBe("audio_truncated");
  });

  test.each([
    ["a length", patched(atEnd, "mdhd", 20, 16_000 * 3600)],
    ["a sample size", patched(atEnd, "stsz", 8, 100_000)],
    ["samples in a fragment", patched(inFragments, "trun", 8, 0x7fff_ffff)],
  ])("%s that the bytes do not hold is refused", async (_name, file) => {
    expect(await code(file, "audio/mp4")).toMatch(/^audio_(truncated|undecodable)$/);
  });

  test("a length that is too small hides nothing", async () => {
    expect(await seconds(patched(atEnd, "mdhd", 20, 1), "audio/mp4")).toBeCloseTo(0.864, 3);
  });

  test.each([
    ["no header", Buffer.concat([atEnd.subarray(0, atEnd.indexOf("moov") - 4), Buffer.alloc(4)])],
    ["no time scale", patched(atEnd, "mdhd", 16, 0)],
    ["a box shorter than itself", patched(atEnd, "mdia", -4, 4)],
    ["a box longer than the one around it", patched(atStart, "stts", -4, 2000)],
    ["no table of times", patched(atEnd, "stts", 0, 0x66726565)],
    ["a flood of boxes", Buffer.concat([atEnd, ...Array(101_000).fill(ascii("\0\0\0\x08free"))])],
  ])("%s cannot be decoded", async (_name, file) => {
    expect(await code(file, "audio/mp4")).toBe("audio_undecodable");
  });

  test("a film without sound is not supported", async () => {
    const silent = Buffer.from(atEnd);
    silent.write("vide", silent.indexOf("soun"), "latin1");
    expect(await code(silent, "audio/mp4")).toBe("unsupported_audio");
  });

  test("protected sound is not supported", async () => {
    const encrypted = Buffer.from(atEnd);
    encrypted.write("enca", encrypted.indexOf("mp4a"), "latin1");
    expect(await code(encrypted, "audio/mp4")).toBe("unsupported_audio");
  });
});
