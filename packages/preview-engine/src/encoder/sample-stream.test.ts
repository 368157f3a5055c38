import { expect, test } from "vitest";
import { createSampleStream } from "./sample-stream.ts";

test("samples survive cuts in the middle of a sample", () => {
  const samples = Int16Array.from([1, -2, 300, -32768, 32767]);
  const bytes = new Uint8Array(samples.buffer);
  for (let cut = 0; cut <= bytes.length; cut++) {
    const received: number[] = [];
    const take = createSampleStream((piece) => received.push(...piece));
    take(bytes.subarray(0, cut));
    take(bytes.subarray(cut));
    expect(received).toEqual([...samples]);
  }
});
