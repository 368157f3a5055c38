import { createReadStream, createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { EncoderChoice } from "@avatar/preview-engine";
// Alone: the rest, which decodes images, is for threads.
import { chooseEncoder } from "@avatar/preview-engine/choose-encoder";
import { StartError } from "../start-error.ts";
import type { ObjectStore } from "../storage/object-store.ts";
import type { Logger } from "../telemetry/logger.ts";
import { type Engine, EngineError, type EngineRun, type RenderOptions } from "./engine.ts";
import type { FromWorker, WorkerInput } from "./preview-worker.ts";
import { inThread } from "./thread.ts";

interface Deps {
  store: ObjectStore;
  /** Emptied at the start: what is in it was left by a process that died. */
  tempDirectory: string;
  encoder: EncoderChoice;
  ffmpegPath: string | undefined;
  log: Logger;
}

/** Renders on this machine's processors, each run in a thread of its own. @throws StartError without an encoder */
export async function createPreviewEngine(deps: Deps): Promise<Engine> {
  const { store, tempDirectory, encoder, ffmpegPath, log } = deps;
  // Each run chooses anew. Here it is to be known before the first customer comes.
  await chooseEncoder(encoder, ffmpegPath ?? "ffmpeg", (text) => log.info(text)).catch((cause: Error) => {
    throw new StartError(`PREVIEW_ENCODER, FFMPEG_PATH: ${cause.message}`, { cause });
  });
  await rm(tempDirectory, { recursive: true, force: true });
  await mkdir(tempDirectory, { recursive: true });

  async function download(key: string, path: string): Promise<void> {
    await pipeline(await store.read(key), createWriteStream(path));
  }

  async function render(run: EngineRun, options: RenderOptions, directory: string) {
    const imagePath = join(directory, "image");
    const audioPath = join(directory, "audio");
    const outputPath = join(directory, "video.mp4");
    await Promise.all([download(run.image.key, imagePath), download(run.audio.key, audioPath)]);
    const { audioSeconds, aspect, fit, seed } = run;
    await inWorker(
      { imagePath, audioPath, audioSeconds, outputPath, aspect, fit, seed, encoder, ffmpegPath },
      options,
      log.child({ runId: run.runId }),
    );
    options.signal.throwIfAborted();
    await store.put(run.videoKey, createReadStream(outputPath), {
      contentType: "video/mp4",
      signal: options.signal,
    });
  }

  return {
    name: "preview",
    isRemote: false,
    async render(run, options) {
      const directory = await mkdtemp(join(tempDirectory, "run-"));
      try {
        await render(run, options, directory);
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
    stop: () => rm(tempDirectory, { recursive: true, force: true }),
  };
}

/** Runs one render in a thread. The thread is gone when this settles. */
const inWorker = (
  input: Omit<WorkerInput, "abortFlag">,
  { signal, onProgress }: Pick<RenderOptions, "signal" | "onProgress">,
  log: Logger,
): Promise<void> =>
  inThread(new URL("./preview-worker.ts", import.meta.url), input, signal, (message: FromWorker, settle) => {
    if (message.type === "progress") onProgress(message.fraction);
    else if (message.type === "log") log.info(message.text);
    else if (message.type === "done") settle.resolve();
    else settle.reject(new EngineError(message.code, message.detail));
  });
