import { describe, expect, test } from "vitest";
import { expectError } from "../../test/support/expect-error.ts";
import { aFile, aWav, tone } from "../../test/support/fixtures.ts";
import { inspectRecording } from "./recording.ts";

const wav = aWav(tone(440, 0.5));

function aBox(type: string, bodyBytes: number): Buffer {
  const box = Buffer.alloc(8 + bodyBytes);
  box.writeUInt32BE(box.length, 0);
  box.write(type, 4, "latin1");
  return box;
}

function id3Tag(bodyBytes: number): Buffer {
  const tag = Buffer.alloc(10 + bodyBytes);
  tag.write("ID3\u0004", 0, "latin1");
  tag[8] = bodyBytes >> 7;
  tag[9] = bodyBytes & 127;
  return tag;
}

describe("a recording's format is told by its bytes", () => {
  test.each([
    ["wav", wav],
    ["flac", Buffer.from("fLaC\0\0\0\x22".padEnd(64, "\0"), "latin1")],
    ["ogg", Buffer.from("OggS".padEnd(64, "\0"), "latin1")],
    ["mp3", Buffer.from([0xff, 0xfb, 0x90, 0x00])],
    ["aac", Buffer.from([0xff, 0xf1, 0x50, 0x80])],
    ["mov", Buffer.concat([aBox("ftyp", 16), aBox("moov", 100)])],
    ["mp3", Buffer.concat([id3Tag(300), Buffer.from([0xff, 0xfb, 0x90, 0x00])])],
    ["aac", Buffer.concat([id3Tag(300), Buffer.from([0xff, 0xf1, 0x50, 0x80])])],
    ["mp3", Buffer.concat([id3Tag(300), Buffer.alloc(64)])],
  ])("%s", async (demuxer, bytes) => {
    expect((await inspectRecording(aFile("recording", bytes))).demuxer).toBe(demuxer);
  });

  test.each([
    ["a playlist", "#EXTM3U\nhttp://example.com/secret\n"],
    ["an ffconcat script", "ffconcat version 1.0\nfile /etc/passwd\n"],
    ["text", "not a recording"],
    ["one byte", "R"],
    ["an image", Buffer.from("\x89PNG\r\n\x1a\n", "latin1")],
  ])("%s is refused", async (_name, bytes) => {
    await expectError(inspectRecording(aFile("recording.wav", bytes)), "unsupported_audio");
  });
});

test("an empty file is empty_audio", async () => {
  await expectError(inspectRecording(aFile("recording.wav", "")), "empty_audio");
});

test("a missing file and a folder are audio_undecodable", async () => {
  await expectError(inspectRecording("/nowhere/recording.wav"), "audio_undecodable");
  await expectError(inspectRecording("/"), "audio_undecodable");
});

describe("a recording that stops before its announced end is audio_truncated", () => {
  test("WAV", async () => {
    await expectError(inspectRecording(aFile("r.wav", wav.subarray(0, wav.length / 2))), "audio_truncated");
  });

  test("MP4", async () => {
    const bytes = Buffer.concat([aBox("ftyp", 16), aBox("mdat", 1000)]);
    await expectError(inspectRecording(aFile("r.m4a", bytes.subarray(0, 500))), "audio_truncated");
  });
});

test("a WAV whose writer never knew its length is accepted", async () => {
  for (const size of [0, 0xffffffff]) {
    const streamed = Buffer.from(wav);
    streamed.writeUInt32LE(size, 40);
    expect((await inspectRecording(aFile("r.wav", streamed))).demuxer).toBe("wav");
  }
});

test("FLAC's header gives the length it promises", async () => {
  const head = Buffer.alloc(64);
  head.write("fLaC", 0, "latin1");
  head.writeUIntBE(44_100 << 4, 18, 3);
  head.writeUInt32BE(441_000, 22);
  expect((await inspectRecording(aFile("r.flac", head))).declaredSeconds).toBe(10);
});
