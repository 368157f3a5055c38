import { chmodSync, existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { renderPreview } from "../src/preview-engine.ts";
import { expectError } from "./support/expect-error.ts";
import { hasFfmpegProgram } from "./support/ffmpeg.ts";
import { aFile, aFolder, PORTRAIT, SPEECH_7S } from "./support/fixtures.ts";

/** An ffmpeg that notes the process id of its last run. */
function aTracedFfmpeg(): { ffmpegPath: string; lastPid: () => number } {
  const pidFile = join(aFolder(), "pid");
  const ffmpegPath = aFile("ffmpeg", `#!/bin/sh\necho $$ > ${pidFile}\nexec ffmpeg "$@"\n`);
  chmodSync(ffmpegPath, 0o755);
  return { ffmpegPath, lastPid: () => Number(readFileSync(pidFile, "utf8")) };
}

function isRunning(pid: number): boolean {
  return existsSync(`/proc/${pid}`);
}

describe.each(["wasm", "ffmpeg"] as const)("a render with the %s encoder", (encoder) => {
  const runs = test.skipIf(encoder === "ffmpeg" && !hasFfmpegProgram);

  runs.each(["signal", "flag"] as const)("stopped by its %s leaves no file and no process", async (how) => {
    const folder = aFolder();
    const { ffmpegPath, lastPid } = aTracedFfmpeg();
    const controller = new AbortController();
    const abortFlag = new Int32Array(new SharedArrayBuffer(4));
    let lastFraction = 0;
    await expectError(
      renderPreview({
        imagePath: PORTRAIT,
        audioPath: SPEECH_7S,
        outputPath: join(folder, "video.mp4"),
        encoder,
        ffmpegPath,
        signal: controller.signal,
        abortFlag,
        onProgress(fraction) {
          lastFraction = fraction;
          if (fraction < 0.05) return;
          if (how === "signal") controller.abort();
          else Atomics.store(abortFlag, 0, 1);
        },
      }),
      "aborted",
    );
    expect(lastFraction).toBeLessThan(0.1);
    expect(readdirSync(folder)).toEqual([]);
    if (encoder === "ffmpeg") expect(isRunning(lastPid())).toBe(false);
  });
});

test("a render that is stopped before it begins does nothing", async () => {
  const folder = aFolder();
  const outputPath = join(folder, "video.mp4");
  const inputs = { imagePath: PORTRAIT, audioPath: SPEECH_7S, outputPath };
  await expectError(renderPreview({ ...inputs, signal: AbortSignal.abort() }), "aborted");
  await expectError(renderPreview({ ...inputs, abortFlag: new Int32Array(1).fill(1) }), "aborted");
  expect(readdirSync(folder)).toEqual([]);
});
