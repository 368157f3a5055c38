import { readFileSync } from "node:fs";
import { createFfmpegCore } from "../../src/encoder/ffmpeg-core.ts";
import { isProgramUsable } from "../../src/encoder/program-encoder.ts";

export const hasFfmpegProgram = await isProgramUsable("ffmpeg");
if (!hasFfmpegProgram) {
  process.stderr.write("\nSKIPPED: no usable ffmpeg on PATH, the tests of the ffmpeg program do not run\n\n");
}

/** Runs the WebAssembly build on one input file and returns the output file's bytes. */
export async function runCore(inputPath: string, args: string[], outputName: string): Promise<Uint8Array> {
  const core = await createFfmpegCore();
  const files = core.FS as unknown as {
    writeFile(path: string, data: Uint8Array): void;
    readFile(path: string): Uint8Array;
  };
  const said: string[] = [];
  core.setLogger(({ message }) => said.push(message));
  files.writeFile("/input", readFileSync(inputPath));
  const exitCode = core.exec("-nostdin", "-i", "/input", ...args, `/${outputName}`);
  if (exitCode !== 0) throw new Error(said.slice(-5).join("\n"));
  return files.readFile(`/${outputName}`);
}

/** Decodes a video's frames to RGB, scaled to this size. */
export async function decodeFrames(videoPath: string, width: number, height: number): Promise<Uint8Array[]> {
  const args = ["-an", "-vf", `scale=${width}:${height}`, "-pix_fmt", "rgb24", "-f", "rawvideo"];
  const bytes = await runCore(videoPath, args, "frames");
  const size = width * height * 3;
  return Array.from({ length: bytes.length / size }, (_, i) => bytes.subarray(i * size, (i + 1) * size));
}

/** Decodes a video's or recording's sound to 16 kHz mono samples. */
export async function decodeSound(path: string): Promise<Int16Array> {
  const bytes = await runCore(path, ["-vn", "-ac", "1", "-ar", "16000", "-f", "s16le"], "samples");
  return new Int16Array(bytes.slice().buffer);
}
