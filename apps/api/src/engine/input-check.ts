import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import type { ErrorCode } from "@avatar/contract/errors";
import type { EncoderChoice, InputCheckOptions } from "@avatar/preview-engine";
import type { ObjectStore } from "../storage/object-store.ts";
import type { Logger } from "../telemetry/logger.ts";
import { inThread } from "./thread.ts";

interface Deps {
  store: ObjectStore;
  tempDirectory: string;
  encoder: EncoderChoice;
  ffmpegPath: string | undefined;
  log: Logger;
  /** From the call to the answer. */
  withinMs?: number;
}

interface Files {
  imageKey: string;
  audioKey: string;
  audioSeconds: number;
}

export interface InputFindings {
  /** What the preview engine would refuse the files with: other engines may be less strict. */
  faults: { code: ErrorCode; detail: string }[];
  /** In how many seconds of the recording anything is heard. */
  audibleSeconds: number;
}

/** Undefined where there was no time to look. */
export type CheckInputs = (
  files: Files,
  signal: AbortSignal | undefined,
) => Promise<InputFindings | undefined>;

/** More than these are not looked at. */
const MAX_AT_ONCE = 5;

/**
 * Decodes files and looks for the face, one after another, each in a thread of its own: whoever asks for any number of
 * estimates takes one processor at most, and a decoder that gets stuck is stopped.
 */
export function createInputCheck({ store, tempDirectory, log, withinMs = 15_000, ...encoder }: Deps) {
  const stopping = new AbortController();
  let last: Promise<unknown> = Promise.resolve();
  let atOnce = 0;

  async function check({ imageKey, audioKey, audioSeconds }: Files, signal: AbortSignal) {
    signal.throwIfAborted();
    await mkdir(tempDirectory, { recursive: true });
    const directory = await mkdtemp(join(tempDirectory, "check-"));
    try {
      const [imagePath, audioPath] = [join(directory, "image"), join(directory, "audio")];
      const download = async (key: string, path: string) =>
        pipeline(await store.read(key), createWriteStream(path), { signal });
      await Promise.all([download(imageKey, imagePath), download(audioKey, audioPath)]);
      return await inWorker({ imagePath, audioPath, audioSeconds, ...encoder }, signal);
    } finally {
      await rm(directory, { recursive: true, force: true });
    }
  }

  const checkInputs: CheckInputs = async (files, caller) => {
    if (atOnce === MAX_AT_ONCE) return undefined;
    atOnce++;
    const signal = AbortSignal.any([
      stopping.signal,
      AbortSignal.timeout(withinMs),
      ...(caller ? [caller] : []),
    ]);
    const found = last
      .then(() => check(files, signal))
      .catch((error: unknown) => {
        if (!signal.aborted) log.warn({ err: error }, "the files of an estimate were not looked at");
        return undefined;
      })
      .finally(() => atOnce--);
    last = found;
    // Nobody waits for those before it for longer than that.
    const { promise: ended, resolve: end } = Promise.withResolvers<undefined>();
    signal.addEventListener("abort", () => end(undefined), { once: true });
    return Promise.race([found, ended]);
  };

  return {
    checkInputs,
    async stop(): Promise<void> {
      stopping.abort();
      await last;
      await rm(tempDirectory, { recursive: true, force: true });
    },
  };
}

const WORKER = new URL("./input-check-worker.ts", import.meta.url);

const inWorker = (options: InputCheckOptions, signal: AbortSignal) =>
  inThread<InputFindings, InputFindings>(WORKER, options, signal, (findings, { resolve }) =>
    resolve(findings),
  );
