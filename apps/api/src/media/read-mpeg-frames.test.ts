import { LIMITS } from "@avatar/contract/limits";
import { describe, expect, test } from "vitest";
import { codeOf, secondsOf, share } from "../../test/media/inspected-audio.ts";
import { ascii, id3Tag, sample, sourceOf, uint } from "../../test/media/media-files.ts";
import { inspectAudio } from "./inspect-audio.ts";

describe("MP3", () => {
  const constant = sample("tone-cbr.mp3");
  const frames = constant.subarray(20);

  test("a cover image of 1 MB is skipped unread", async () => {
    const source = sourceOf(Buffer.concat([id3Tag(1_000_000), frames]));
    expect((await inspectAudio(source, "audio/mpeg", LIMITS.audio)).seconds).toBeCloseTo(0.9, 3);
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
    expect(await secondsOf(file, "audio/mpeg")).toBeCloseTo(0.9, 3);
  });

  test("bytes behind the sound that look like a frame do not count", async () => {
    const file = Buffer.concat([frames, Buffer.alloc(50), frames.subarray(0, 60)]);
    expect(await secondsOf(file, "audio/mpeg")).toBeCloseTo(0.9, 3);
  });

  test("some padding before the sound does not count", async () => {
    expect(await secondsOf(Buffer.concat([id3Tag(10), Buffer.alloc(500), frames]), "audio/mpeg")).toBeCloseTo(
      0.9,
      3,
    );
  });

  test("a Xing header that claims more than there is means that the file is cut off", async () => {
    expect(await codeOf(share(sample("tone-xing.mp3"), 0.7), "audio/mpeg")).toBe("audio_truncated");
  });

  test("a Xing header that claims less hides nothing", async () => {
    const file = Buffer.concat([sample("tone-xing.mp3"), ...Array(800).fill(frames)]);
    expect(await codeOf(file, "audio/mpeg")).toBe("audio_too_long");
  });

  test("ten hours are refused without reading them all", async () => {
    const source = sourceOf(Buffer.concat(Array(8000).fill(frames)));
    await expect(inspectAudio(source, "audio/mpeg", LIMITS.audio)).rejects.toMatchObject({
      code: "audio_too_long",
    });
    expect(source.readBytes).toBeLessThan(source.size / 4);
  });

  test("300 MB are refused by their size, however large the cover image before them is", async () => {
    const limits = { ...LIMITS.audio, maxBytes: 1e9 };
    const source = sourceOf(Buffer.concat([id3Tag(9_000_000), Buffer.alloc(300e6, frames)]));
    const inspected = inspectAudio(source, "audio/mpeg", limits);
    await expect(inspected).rejects.toMatchObject({ code: "audio_too_long" });
    expect(source.reads).toBeLessThanOrEqual(2);
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
    expect(await codeOf(file, "audio/mpeg")).toBe(expected);
  });
});

describe("AAC", () => {
  test("the sampling rate of the frames gives the length", async () => {
    const file = Buffer.concat(Array(10).fill(sample("tone.aac")));
    expect(await secondsOf(file, "audio/aac")).toBeCloseTo(8.96, 2);
  });
});
