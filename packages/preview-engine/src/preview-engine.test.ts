import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { aFolder, aShortSpeech, PORTRAIT } from "../test/support/fixtures.ts";
import { renderPreview } from "./preview-engine.ts";

test("one portrait and one recording become one video, and nothing else is left beside it", async () => {
  const folder = aFolder();
  const said: string[] = [];
  const result = await renderPreview({
    imagePath: PORTRAIT,
    audioPath: aShortSpeech(0.2),
    outputPath: join(folder, "video.mp4"),
    encoder: "wasm",
    log: (message) => said.push(message),
  });
  expect(result).toEqual({
    width: 960,
    height: 960,
    fps: 25,
    frames: 5,
    durationSeconds: 0.2,
    encoder: "wasm",
  });
  expect(readdirSync(folder)).toEqual(["video.mp4"]);
  expect(said.join()).toContain("WebAssembly");
});
