import { execFile } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { aFile, aFolder, aShortSpeech, PORTRAIT } from "./support/fixtures.ts";
import { readMp4 } from "./support/mp4.ts";

const CLI = fileURLToPath(new URL("../src/cli.ts", import.meta.url));

/** Runs the command where no ffmpeg can be found. */
async function preview(...args: string[]): Promise<{ exitCode: number; stderr: string }> {
  try {
    const { stderr } = await promisify(execFile)(process.execPath, [CLI, ...args], {
      env: { PATH: "/nowhere" },
    });
    return { exitCode: 0, stderr };
  } catch (error) {
    const { code, stderr } = error as { code: number; stderr: string };
    return { exitCode: code, stderr };
  }
}

test("without ffmpeg on PATH the command renders with wasm and says so", async () => {
  const output = join(aFolder(), "video.mp4");
  const { exitCode, stderr } = await preview(
    PORTRAIT,
    aShortSpeech(0.3),
    output,
    "--aspect",
    "16:9",
    "--seed",
    "7",
  );
  expect(exitCode).toBe(0);
  expect(stderr).toContain("WebAssembly");
  expect(stderr).toContain("100 %");
  expect(readMp4(output).tracks[0]).toMatchObject({ width: 1280, height: 720 });
});

test("a failure is named, explained, and is exit code 1", async () => {
  const { exitCode, stderr } = await preview(aFile("a.png", "text"), aShortSpeech(0.3), "out.mp4");
  expect(exitCode).toBe(1);
  expect(stderr).toContain("unsupported_image: The image is not a JPEG, PNG or WebP file.");
});

test.each([
  [["only-one-file"]],
  [["a", "b", "c", "--aspect", "4:3"]],
  [["a", "b", "c", "--seed", "x"]],
  [["a", "b", "c", "--unknown"]],
])("wrong arguments (%s) show the usage", async (args) => {
  const { exitCode, stderr } = await preview(...args);
  expect(exitCode).toBe(1);
  expect(stderr).toContain("Usage: preview <portrait> <speech> <out.mp4>");
});
