import { open, stat } from "node:fs/promises";
import { LIMITS, parseMediaType } from "@avatar/contract/limits";
import type { ByteSource } from "../src/media/byte-source.ts";
import { inspectAudio } from "../src/media/inspect-audio.ts";
import { inspectImage } from "../src/media/inspect-image.ts";
import { sample, sourceOf } from "../test/media/media-files.ts";

/** Inspects the file named on the command line five times and prints this. */
export interface Measurement {
  code: string;
  /** In milliseconds. */
  times: number[];
  /** The most memory that it took beyond what was there before. */
  growthBytes: number;
  readBytes: number;
  reads: number;
}

const ROUNDS = 5;
const [, , path = "", declared = ""] = process.argv;
const type = parseMediaType(declared);
if (!type) throw new Error(`usage: inspect-file.ts <file> <media type>, not ${declared}`);

const inspect = (source: ByteSource): Promise<unknown> =>
  type.startsWith("image/")
    ? inspectImage(source, type, LIMITS.image)
    : inspectAudio(source, type, LIMITS.audio);

const codeOf = (inspected: Promise<unknown>): Promise<string> =>
  inspected.then(
    () => "accepted",
    (error: { code?: string }) => error.code ?? String(error),
  );

// A server has read a file before.
for (const name of ["portrait.jpg", "tone-cbr.mp3"]) await codeOf(inspect(sourceOf(sample(name))));

const { size } = await stat(path);
const file = await open(path);
let result: Measurement = { code: "", times: [], growthBytes: 0, readBytes: 0, reads: 0 };
globalThis.gc?.();
const before = process.memoryUsage.rss();
for (let round = 0; round < ROUNDS; round++) {
  let [readBytes, reads] = [0, 0];
  let peak = before;
  const source: ByteSource = {
    size,
    async read(start, end) {
      const { buffer, bytesRead } = await file.read(Buffer.allocUnsafe(end - start), 0, end - start, start);
      reads += 1;
      readBytes += bytesRead;
      peak = Math.max(peak, process.memoryUsage.rss());
      return buffer.subarray(0, bytesRead);
    },
  };
  const start = performance.now();
  const code = await codeOf(inspect(source));
  const times = [...result.times, performance.now() - start];
  peak = Math.max(peak, process.memoryUsage.rss());
  // Later rounds may find what an earlier one left; the first says what one file takes.
  const growthBytes = round === 0 ? peak - before : result.growthBytes;
  result = { code, times, growthBytes, readBytes, reads };
}
await file.close();
process.stdout.write(JSON.stringify(result));
