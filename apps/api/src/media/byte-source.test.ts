import { expect, test } from "vitest";
import { sourceOf } from "../../test/media/media-files.ts";
import { createByteWindow, EndOfFile, objectSource } from "./byte-source.ts";

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
