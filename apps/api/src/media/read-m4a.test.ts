import { LIMITS } from "@avatar/contract/limits";
import { expect, test } from "vitest";
import { codeOf, secondsOf, share } from "../../test/media/inspected-audio.ts";
import { m4aBox, m4aFragment, m4aOf } from "../../test/media/long-audio.ts";
import { ascii, sample, sourceOf, uint } from "../../test/media/media-files.ts";
import { inspectAudio } from "./inspect-audio.ts";

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
  ["a sample size", patched(atEnd, "stsz", 8, 100_000)],
  ["samples in a fragment", patched(inFragments, "trun", 8, 0x7fff_ffff)],
])("%s that the bytes do not hold is refused", async (_name, file) => {
  expect(await codeOf(file, "audio/mp4")).toMatch(/^audio_(truncated|undecodable)$/);
});

test("a length that is too small hides nothing", async () => {
  const withoutEdits = patched(patched(atEnd, "mdhd", 20, 1), "edts", 0, 0x66726565);
  expect(await secondsOf(withoutEdits, "audio/mp4")).toBeCloseTo(0.864, 3);
});

interface Edit {
  /** In thousandths of a second. */
  ticks: number;
  /** In samples, of 16,000 per second; -1 is a pause. */
  start: number;
}

/** The file with another edit list. Its header is behind its sound, so that no offset changes. */
function withEdits(edits: Edit[], form: "short" | "long" = "short"): Buffer {
  const entries = edits.map(({ ticks, start }) => {
    const entry = Buffer.alloc(form === "long" ? 20 : 12);
    if (form === "long") entry.writeBigUInt64BE(BigInt(ticks));
    else entry.writeUInt32BE(ticks);
    if (form === "long") entry.writeBigInt64BE(BigInt(start), 8);
    else entry.writeInt32BE(start, 4);
    return entry;
  });
  const list = Buffer.concat([
    uint(form === "long" ? 0x01000000 : 0, 4, "BE"),
    uint(edits.length, 4, "BE"),
    ...entries,
  ]);
  const at = atEnd.indexOf("elst") + 4;
  const end = at - 8 + atEnd.readUInt32BE(at - 8);
  const file = Buffer.concat([atEnd.subarray(0, at), list, atEnd.subarray(end)]);
  for (const box of ["elst", "edts", "trak", "moov"]) {
    const size = file.indexOf(box) - 4;
    file.writeUInt32BE(file.readUInt32BE(size) + list.length - (end - at), size);
  }
  return file;
}

const sound: Edit = { ticks: 600, start: 1024 };
const pause: Edit = { ticks: 100, start: -1 };

test.each([
  ["the encoder's own", atEnd, 0.8],
  ["one stretch", withEdits([sound]), 0.6],
  ["one stretch, in the long form", withEdits([sound], "long"), 0.6],
  ["a stretch after a pause", withEdits([pause, sound]), 0.6],
  ["a stretch after a pause, in the long form", withEdits([pause, sound], "long"), 0.6],
  ["a stretch up to the end, rounded up", withEdits([{ ticks: 801, start: 1024 }]), 0.8],
])("of the sound in the edit list %s counts", async (_name, file, seconds) => {
  expect(await secondsOf(file, "audio/mp4")).toBe(seconds);
});

test.each([
  ["none", []],
  ["one of no length", [{ ticks: 0, start: 1024 }]],
  ["a pause alone", [pause]],
  ["a pause behind the sound", [sound, pause]],
  ["a pause between two stretches", [sound, pause, sound]],
  ["two stretches", [sound, sound]],
  ["a thousand stretches", Array(1000).fill(sound)],
  ["more than there is", [{ ticks: 3_600_000, start: 1024 }]],
  ["what lies behind the end", [{ ticks: 600, start: 16_000 }]],
])("where the edits are %s, all that there is counts", async (_name, edits) => {
  expect(await secondsOf(withEdits(edits), "audio/mp4")).toBeCloseTo(0.864, 3);
});

test("in a fragmented file, edits do not count", async () => {
  const file = Buffer.concat([withEdits([sound]), ascii("\0\0\0\x08mvex")]);
  const header = file.indexOf("moov") - 4; // It is the last box, so it takes in what is appended.
  file.writeUInt32BE(file.readUInt32BE(header) + 8, header);
  expect(await secondsOf(file, "audio/mp4")).toBeCloseTo(0.864, 3);
});

test.each([
  ["no header", Buffer.concat([atEnd.subarray(0, atEnd.indexOf("moov") - 4), Buffer.alloc(4)])],
  ["no time scale", patched(atEnd, "mdhd", 16, 0)],
  ["a box shorter than itself", patched(atEnd, "mdia", -4, 4)],
  ["a box longer than the one around it", patched(atStart, "stts", -4, 2000)],
  ["no table of times", patched(atEnd, "stts", 0, 0x66726565)],
  [
    "a flood of fragments without sound",
    Buffer.concat([
      inFragments.subarray(0, inFragments.indexOf("moof") - 4),
      ...Array(300).fill(m4aFragment(0)),
    ]),
  ],
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

test("a long header behind the sound takes one more read", async () => {
  const file = m4aOf({ samples: 9000, heldBytes: 500_000 });
  const [moov, mdat] = [file.indexOf("moov") - 4, file.indexOf("mdat") - 4];
  const header = m4aBox("moov", m4aBox("free", Buffer.alloc(250_000)), file.subarray(moov + 8, mdat));
  const source = sourceOf(Buffer.concat([file.subarray(0, moov), file.subarray(mdat), header]));
  expect((await inspectAudio(source, "audio/mp4", LIMITS.audio)).seconds).toBe(576);
  expect(source.reads).toBe(3);
});
