import { expect, test } from "vitest";
import { sourceOf } from "../../test/media/media-files.ts";
import { createByteWindow, EndOfFile, objectSource, TooScattered } from "./byte-source.ts";

const file = Buffer.from(Array.from({ length: 100 }, (_, index) => index));

test("an object is read by ranges", async () => {
  const store = {
    async *chunks(start: number, end: number) {
      for (let at = start; at < end; at += 3) yield file.subarray(at, Math.min(at + 3, end));
    },
    read: async (_key: string, range = { start: 0, end: 100 }) => store.chunks(range.start, range.end),
  };
  const source = objectSource(store, "uploads/upl_1", 100);
  expect(source.size).toBe(100);
  expect(await source.read(10, 20)).toEqual(file.subarray(10, 20));
});

test("many small reads in sequence are few reads of the source", async () => {
  const source = sourceOf(file);
  const window = createByteWindow(source, 20);
  for (let at = 0; at < 100; at += 4) expect(await window.bytes(at, 4)).toEqual(file.subarray(at, at + 4));
  expect(source.readBytes).toBe(100);
});

test("a read may be longer than the window, and go back", async () => {
  const window = createByteWindow(sourceOf(file), 10);
  expect(await window.bytes(50, 50)).toEqual(file.subarray(50));
  expect(await window.bytes(0, 5)).toEqual(file.subarray(0, 5));
});

test("there is nothing behind the end of the file", async () => {
  const window = createByteWindow(sourceOf(file), 10);
  expect(await window.bytes(100, 0)).toHaveLength(0);
  await expect(window.bytes(99, 2)).rejects.toThrow(EndOfFile);
});

test("a source that gives less than it promised is cut off", async () => {
  const window = createByteWindow({ size: 100, read: async () => file.subarray(0, 5) }, 10);
  await expect(window.bytes(0, 10)).rejects.toThrow(EndOfFile);
});

test("an object that gives more than it was asked for is cut to measure", async () => {
  const store = {
    read: async () =>
      (async function* () {
        yield file;
      })(),
  };
  expect(await objectSource(store, "uploads/upl_1", 100).read(0, 10)).toEqual(file.subarray(0, 10));
});

const MIB = 1024 * 1024;
const START = 64 * 1024;

/** A large file of zeros that notes every read of it. */
function aLargeSource(size: number) {
  const lengths: number[] = [];
  const read = async (start: number, end: number) => {
    lengths.push(end - start);
    return new Uint8Array(end - start);
  };
  return { size, read, lengths };
}

test("a pass over 100 MB is a few dozen reads, none longer than 4 MiB", async () => {
  const source = aLargeSource(100 * MIB);
  const window = createByteWindow(source, START);
  for (let at = 0; at + 417 <= source.size; at += 417) {
    if (!window.held(at, 8)) await window.bytes(at, 8);
  }
  expect(source.lengths.length).toBeLessThanOrEqual(40);
  expect(Math.max(...source.lengths)).toBe(4 * MIB);
  expect(source.lengths.reduce((sum, length) => sum + length, 0)).toBeLessThan(100 * MIB + START);
});

test("what is skipped in short steps is still read in sequence", async () => {
  const source = aLargeSource(100 * MIB);
  const window = createByteWindow(source, START);
  for (let at = 0; at < source.size; at += 100_000) await window.bytes(at, 8);
  expect(source.lengths.length).toBeLessThanOrEqual(40);
});

test("a jump reads no more than the start size, forwards or back", async () => {
  const source = aLargeSource(100 * MIB);
  const window = createByteWindow(source, START);
  for (let at = 0; at < 10 * MIB; at += START) await window.bytes(at, START);
  source.lengths.length = 0;
  for (const at of [90 * MIB, 0, 50 * MIB, 50 * MIB + 2 * START + 1]) await window.bytes(at, 8);
  expect(source.lengths).toEqual([START, START, START, START]);
});

test("a file that sends us to a thousand places is given up", async () => {
  const window = createByteWindow(aLargeSource(1000 * MIB), START);
  const scattered = async () => {
    for (let at = 0; at < 1000 * MIB; at += MIB) await window.bytes(at, 8);
  };
  await expect(scattered()).rejects.toThrow(TooScattered);
});

test("only what is at hand can be had at once", async () => {
  const window = createByteWindow(sourceOf(file), 20);
  expect(window.held(0, 1)).toBeUndefined();
  await window.bytes(10, 1);
  expect(window.held(12, 18)).toEqual(file.subarray(12, 30));
  expect(window.held(12, 19)).toBeUndefined();
  expect(window.held(9, 1)).toBeUndefined();
});
