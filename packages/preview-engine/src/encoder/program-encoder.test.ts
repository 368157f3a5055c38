import { chmodSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { expectError } from "../../test/support/expect-error.ts";
import { aFile, aFolder, aShortSpeech } from "../../test/support/fixtures.ts";
import { inspectRecording } from "../audio/recording.ts";
import { chooseEncoder } from "./choose-encoder.ts";
import type { VideoJob } from "./encoder.ts";
import { createProgramEncoder, isProgramUsable } from "./program-encoder.ts";

/** An executable that stands in for ffmpeg. */
function aProgram(script: string): string {
  const path = aFile("ffmpeg", `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

async function aJob(): Promise<VideoJob> {
  return {
    recording: await inspectRecording(aShortSpeech()),
    outputPath: join(aFolder(), "out.mp4"),
    width: 64,
    height: 64,
    frameCount: 1000,
    drawFrame: () => new Uint8Array(64 * 64 * 1.5),
  };
}

describe("the program is used only when it can do the work", () => {
  test.each([
    ["lists both encoders", "echo ' V..... libx264 x'; echo ' A..... aac x'", true],
    ["has no libx264", "echo ' A..... aac x'", false],
    ["ends with an error", "exit 3", false],
  ])("%s", async (_name, script, isUsable) => {
    expect(await isProgramUsable(aProgram(script))).toBe(isUsable);
  });

  test("is not installed", async () => {
    expect(await isProgramUsable("/nowhere/ffmpeg")).toBe(false);
  });
});

test("auto falls back to wasm and says so", async () => {
  const said: string[] = [];
  const encoder = await chooseEncoder("auto", "/nowhere/ffmpeg", (message) => said.push(message));
  expect(encoder.name).toBe("wasm");
  expect(said.join()).toContain("WebAssembly");
});

test("asking for a program that is missing is encoder_unavailable", async () => {
  const error = await expectError(
    chooseEncoder("ffmpeg", "/nowhere/ffmpeg", () => {}),
    "encoder_unavailable",
  );
  expect(error.message).toContain("/nowhere/ffmpeg");
});

test("a program that dies in the middle is encoder_failed with its last words", async () => {
  const encoder = createProgramEncoder(aProgram("head -c 5000 >/dev/null; echo 'disk full' >&2; exit 1"));
  const error = await expectError(encoder.encodeVideo(await aJob(), {}), "encoder_failed");
  expect(error.detail).toContain("disk full");
});

test.each([
  ["stalls", "exec sleep 1000"],
  ["is a script whose own child stalls", "sleep 20; true"],
])("a program that %s is killed and is encoder_failed", async (_what, script) => {
  const encoder = createProgramEncoder(aProgram(script), 200);
  const error = await expectError(encoder.encodeVideo(await aJob(), {}), "encoder_failed");
  expect(error.detail).toContain("stalled");
});

test("a failing frame ends the program and is passed on", async () => {
  const encoder = createProgramEncoder(aProgram("exec cat >/dev/null"));
  const job: VideoJob = {
    ...(await aJob()),
    drawFrame() {
      throw new RangeError("no such frame");
    },
  };
  await expect(encoder.encodeVideo(job, {})).rejects.toThrow("no such frame");
});

test("the flag of another thread stops a program that waits", async () => {
  const flag = new Int32Array(new SharedArrayBuffer(4));
  const encoder = createProgramEncoder(aProgram("exec sleep 1000"));
  const decoding = encoder.decodeSpeech(await inspectRecording(aShortSpeech()), () => {}, { flag });
  Atomics.store(flag, 0, 1);
  await expectError(decoding, "aborted");
});
