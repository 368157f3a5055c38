import { join } from "node:path";
import { Worker } from "node:worker_threads";
import { expect, test } from "vitest";
import { aFolder, aShortSpeech, PORTRAIT } from "./support/fixtures.ts";
import { readMp4 } from "./support/mp4.ts";

/** Renders in a thread of its own, as a server does, and returns the last message it posts. */
async function renderInWorker(options: Record<string, unknown>): Promise<unknown> {
  const engine = new URL("../src/preview-engine.ts", import.meta.url).href;
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    import(${JSON.stringify(engine)}).then(async ({ renderPreview }) => {
      const onProgress = () => workerData.stopAtOnce && Atomics.store(workerData.abortFlag, 0, 1);
      parentPort.postMessage(await renderPreview({ ...workerData, onProgress }).catch(({ name, code }) => ({ name, code })));
    });
  `;
  const worker = new Worker(source, { eval: true, workerData: options });
  const exited = new Promise((resolve) => worker.once("exit", resolve));
  const message = await new Promise((resolve, reject) =>
    worker.once("message", resolve).once("error", reject),
  );
  expect(await exited).toBe(0);
  return message;
}

test.each(["wasm", "auto"])("a worker thread renders with encoder %s and ends by itself", async (encoder) => {
  const outputPath = join(aFolder(), "video.mp4");
  const result = await renderInWorker({
    imagePath: PORTRAIT,
    audioPath: aShortSpeech(0.3),
    outputPath,
    encoder,
  });
  expect(result).toMatchObject({ width: 960, height: 960, frames: 8 });
  expect(readMp4(outputPath).tracks).toHaveLength(2);
});

test("the flag stops a worker that the wasm encoder blocks", async () => {
  const abortFlag = new Int32Array(new SharedArrayBuffer(4));
  const outputPath = join(aFolder(), "video.mp4");
  const inputs = { imagePath: PORTRAIT, audioPath: aShortSpeech(2), outputPath, encoder: "wasm" };
  const result = await renderInWorker({ ...inputs, abortFlag, stopAtOnce: true });
  expect(result).toEqual({ name: "PreviewError", code: "aborted" });
});
