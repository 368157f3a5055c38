import { LIMITS, type MediaType } from "@avatar/contract/limits";
import { beforeAll, describe, expect, test } from "vitest";
import { aRender, ENCODERS, SPEECH } from "../../test/media/a-render.ts";
import { aVideo } from "../../test/media/a-video.ts";
import {
  changed,
  chunkAt,
  esdsObjectType,
  grown,
  joined,
  replaced,
  split,
  withoutBytes,
  withPause,
} from "../../test/media/damaged-video.ts";
import { ascii, aWav, sample, sourceOf } from "../../test/media/media-files.ts";
import { isProof, seededRandom } from "../../test/support/seeded-random.ts";
import { checkVideo } from "./check-video.ts";
import { inspectAudio } from "./inspect-audio.ts";
import { inspectVideo, VideoUnplayable } from "./inspect-video.ts";

const inspect = (file: Buffer) => inspectVideo(sourceOf(file));

/** The message of the error, or "accepted". */
const verdict = (file: Buffer, recordingSeconds: number) =>
  inspect(file).then(
    (facts) => {
      try {
        checkVideo(facts, recordingSeconds);
        return "accepted";
      } catch (error) {
        if (error instanceof VideoUnplayable) return error.message;
        throw error;
      }
    },
    (error) => {
      if (error instanceof VideoUnplayable) return error.message;
      throw error;
    },
  );

const RECORDINGS: [name: string, type: MediaType][] = [
  ["tone-xing.mp3", "audio/mpeg"],
  ["tone-cbr.mp3", "audio/mpeg"],
  ["tone-vbr.mp3", "audio/mpeg"],
  ["tone.m4a", "audio/mp4"],
  ["tone-fragmented.m4a", "audio/mp4"],
  ["tone.aac", "audio/aac"],
  ["tone-opus.ogg", "audio/ogg"],
  ["tone-vorbis.ogg", "audio/ogg"],
  ["tone.flac", "audio/flac"],
];

const SECONDS = 2.99;
const makers: [name: string, make: () => Promise<Buffer>][] = [
  ["the builder", async () => aVideo({ seconds: SECONDS })],
  ...ENCODERS.map((encoder): [string, () => Promise<Buffer>] => [
    `the ${encoder} encoder`,
    () => aRender(encoder, SPEECH, SECONDS),
  ]),
];

describe.each(makers)("a video of %s", (_name, make) => {
  let video: Buffer;
  beforeAll(async () => {
    video = await make();
  });

  test("is as long as its recording", async () => {
    expect(await inspect(video)).toEqual({ width: 1280, height: 720, videoSeconds: 3, audioSeconds: 3 });
    expect(await verdict(video, SECONDS)).toBe("accepted");
  });

  test("is refused for a recording that is half a second longer or shorter", async () => {
    expect(await verdict(video, SECONDS + 0.5)).toBe(
      "The video's pictures last 3.000 s for a recording of 3.490 s.",
    );
    expect(await verdict(video, SECONDS - 0.5)).toMatch(/^The video's pictures last/);
  });

  test("is refused when it is cut off, wherever that is", async () => {
    const random = seededRandom(1);
    for (let count = 0; count < 50; count++) {
      const length = Math.floor(random() * video.length);
      expect(await verdict(video.subarray(0, length), SECONDS)).not.toBe("accepted");
    }
    expect(await verdict(video.subarray(0, -1), SECONDS)).toBe("The file is cut off.");
  });

  test("is refused with its header behind its pictures", async () => {
    const boxes = split(video);
    expect(await verdict(joined(boxes, "ftyp", "mdat", "free", "moov"), SECONDS)).toMatch(
      "behind its pictures",
    );
    expect(await verdict(joined(boxes, "ftyp", "moov"), SECONDS)).toMatch("and nothing else");
    expect(await verdict(joined(boxes, "ftyp", "free"), SECONDS)).toBe("The file has no header.");
    expect(await verdict(joined(boxes, "moov", "free", "mdat"), SECONDS)).toBe("The file is not an MP4.");
    expect(await verdict(joined(boxes, "ftyp", "moov", "moov", "mdat"), SECONDS)).toMatch("two headers");
    const media = boxes.get("mdat") ?? Buffer.alloc(0);
    // One byte of the media's end is missing, and its box says so.
    const shorter = Buffer.from(video.subarray(0, -1));
    shorter.writeUInt32BE(media.length - 1, video.length - media.length);
    expect(await verdict(shorter, SECONDS)).toBe("A track's samples are not all within the file.");
  });

  test.each([
    ["pictures", "The file has no pictures.", (file: Buffer) => replaced(file, "trak", "free")],
    ["sound", "The file has no sound.", (file: Buffer) => replaced(file, "trak", "free", 1)],
    ["a list of sizes", "The file has no stsz box.", (file: Buffer) => replaced(file, "stsz", "free")],
    ["parameter sets", "The pictures are not H.264.", (file: Buffer) => replaced(file, "avcC", "free")],
    ["a stream description", "The sound is not AAC.", (file: Buffer) => replaced(file, "esds", "free")],
  ])("is refused without %s", async (_what, message, damage) => {
    expect(await verdict(damage(video), SECONDS)).toBe(message);
  });

  test.each([
    ["HEVC", /not H.264/, (file: Buffer) => replaced(file, "avc1\0", "hvc1\0")],
    ["Opus", /not AAC/, (file: Buffer) => replaced(file, "mp4a", "Opus")],
    ["MP3", /not AAC/, (file: Buffer) => changed(file, "esds", esdsObjectType(file), 0x2b00_0000)],
    ["fragments", /fragments/, (file: Buffer) => Buffer.concat([file, ascii("\0\0\0\x08moof")])],
    ["a film's subtitles", /neither/, (file: Buffer) => replaced(file, "soun", "text")],
    ["two tracks of pictures", /two tracks/, (file: Buffer) => replaced(file, "soun", "vide")],
    ["another width", /own size/, (file: Buffer) => changed(file, "avc1\0", 28, 0x0001_0000)],
    [
      "another height where it is shown",
      /own size/,
      (file: Buffer) => changed(file, "tkhd", 84, 0x0001_0000),
    ],
    ["a length of its own in mvhd", /another length/, (file: Buffer) => changed(file, "mvhd", 20, 60_000)],
    ["a length of its own in mdhd", /another length/, (file: Buffer) => changed(file, "mdhd", 20, 1e6)],
    [
      "a length of its own in the sound's mdhd",
      /another/,
      (file: Buffer) => changed(file, "mdhd", 20, 1e6, 1),
    ],
    ["a shorter edit", /pictures last 2.500 s|another/, (file: Buffer) => changed(file, "elst", 12, -500)],
    [
      "a shorter edit of the sound",
      /sound last 2.500 s/,
      (file: Buffer) => changed(file, "elst", 12, -500, 1),
    ],
    ["sound that starts late", /sound last/, (file: Buffer) => changed(file, "elst", 16, 24_000, 1)],
    ["a sample more than sizes", /disagree/, (file: Buffer) => changed(file, "stts", 12, 1)],
    ["a size more than samples", /disagree/, (file: Buffer) => changed(file, "stsz", 12, -1)],
    ["a chunk elsewhere", /within the file/, (file: Buffer) => changed(file, "stco", 12, 1e9, 1)],
    ["a chunk less", /within the file/, (file: Buffer) => changed(file, "stco", 8, -1, 1)],
    ["a chunk in its header", /within the file/, (file: Buffer) => chunkAt(file, 40)],
    ["a sample of no bytes", /within the file|too short/, withoutBytes],
    [
      "a header for fragments",
      /in fragments/,
      (file: Buffer) => grown(file, ["moov"], ascii("\0\0\0\x08mvex")),
    ],
    ["two edits", /cut into pieces/, (file: Buffer) => withPause(file, 0)],
    ["a pause in front", /starts late/, withPause],
    ["a chunk too full", /within the file/, (file: Buffer) => changed(file, "stsc", 16, 1, 1)],
  ])("is refused with %s", async (_what, message, damage) => {
    expect(await verdict(damage(video), SECONDS)).toMatch(message);
  });

  test("never leads the reader astray when bytes of its header are damaged", async () => {
    const random = seededRandom(2);
    const below = (limit: number) => Math.floor(random() * limit);
    const headerBytes = video.length - (split(video).get("mdat")?.length ?? 0);
    for (let run = 0; run < 300; run++) {
      const copy = Buffer.from(video);
      for (let count = 1 + below(4); count > 0; count--) copy[below(headerBytes)] = below(256);
      const source = sourceOf(copy);
      await inspectVideo(source).catch((error) => expect(error).toBeInstanceOf(VideoUnplayable));
      expect(source.readBytes).toBeLessThan(4 * video.length + 1000);
    }
  });
});

// A render takes seconds. Both encoders get the same arguments, so one of them stands for the other.
describe.each(isProof ? ENCODERS : ENCODERS.slice(-1))("the %s encoder's video", (encoder) => {
  test.each(RECORDINGS)("of %s passes", async (name, type) => {
    const { seconds } = await inspectAudio(sourceOf(sample(name)), type, LIMITS.audio);
    const recording = new URL(`../../test/media/${name}`, import.meta.url);
    expect(await verdict(await aRender(encoder, recording, seconds), seconds)).toBe("accepted");
  });
});

test.each([
  ["nothing", Buffer.alloc(0), "The file is empty."],
  ["text", ascii("the video of job_1, which is none"), "The file is cut off."],
  ["a recording", aWav(), "The file is cut off."],
  ["a recording in an MP4", sample("tone-faststart.m4a"), "The file has no pictures."],
])("%s is no video", async (_name, file, message) => {
  expect(await verdict(file, 1)).toBe(message);
});

test("a video of another size than the engine said is refused", async () => {
  const facts = await inspect(aVideo({ seconds: 1, width: 640 }));
  expect(() => checkVideo(facts, 1)).toThrow("The video has 640 x 720 pixels");
});

test("a video may differ from its recording by one frame", async () => {
  const facts = await inspect(aVideo({ seconds: 1 }));
  for (const seconds of [0.96, 1, 1.04]) expect(() => checkVideo(facts, seconds)).not.toThrow();
  for (const seconds of [0.955, 1.045]) expect(() => checkVideo(facts, seconds)).toThrow(VideoUnplayable);
});

test("a store that fails is not the video's fault", async () => {
  const lost = { size: 1000, read: () => Promise.reject(new Error("the disk is gone")) };
  await expect(inspectVideo(lost)).rejects.toThrow("the disk is gone");
});

test("a built video is small, carries its note and has any length", async () => {
  const video = aVideo({ seconds: 3, note: "the video of job_1" });
  expect(video.length).toBeLessThan(20_000);
  expect(video.includes("the video of job_1")).toBe(true);
  for (const seconds of [0.5, 0.501, 2.99, 59.97, 600])
    expect(await verdict(aVideo({ seconds }), seconds)).toBe("accepted");
});
