#!/usr/bin/env node
import { parseArgs } from "node:util";
import { PreviewError, type PreviewOptions, renderPreview } from "./preview-engine.ts";

const USAGE = `Usage: preview <portrait> <speech> <out.mp4> [options]

  --aspect auto|16:9|9:16|1:1     shape of the video (auto: nearest to the portrait)
  --fit crop|pad                  fill the frame, or show the whole portrait (crop)
  --seed <number>                 head movement and blinks (1)
  --encoder auto|ffmpeg|wasm      auto: ffmpeg when it is installed, else wasm
  --ffmpeg <path>                 the ffmpeg program (ffmpeg on PATH)
`;

class UsageError extends Error {}

function readOptions(args: string[]): PreviewOptions {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      aspect: { type: "string", default: "auto" },
      fit: { type: "string", default: "crop" },
      seed: { type: "string", default: "1" },
      encoder: { type: "string", default: "auto" },
      ffmpeg: { type: "string", default: "ffmpeg" },
    },
  });
  const [imagePath, audioPath, outputPath, ...rest] = positionals;
  if (!imagePath || !audioPath || !outputPath || rest.length > 0) {
    throw new UsageError("Three files are needed: portrait, speech and output.");
  }
  const seed = Number(values.seed);
  if (!Number.isSafeInteger(seed)) throw new UsageError("--seed must be a whole number.");
  return {
    imagePath,
    audioPath,
    outputPath,
    aspect: oneOf("--aspect", values.aspect, ["auto", "16:9", "9:16", "1:1"]),
    fit: oneOf("--fit", values.fit, ["crop", "pad"]),
    encoder: oneOf("--encoder", values.encoder, ["auto", "ffmpeg", "wasm"]),
    seed,
    ffmpegPath: values.ffmpeg,
  };
}

function oneOf<const Choice extends string>(name: string, value: string, choices: readonly Choice[]): Choice {
  const found = choices.find((choice) => choice === value);
  if (found === undefined) throw new UsageError(`${name} must be one of ${choices.join(", ")}.`);
  return found;
}

function isUsageMistake(error: unknown): error is Error {
  const code = (error as { code?: unknown }).code;
  return error instanceof UsageError || (typeof code === "string" && code.startsWith("ERR_PARSE_ARGS"));
}

const interrupted = new AbortController();
process.once("SIGINT", () => interrupted.abort());
try {
  const result = await renderPreview({
    ...readOptions(process.argv.slice(2)),
    signal: interrupted.signal,
    log: (message) => console.error(message),
    onProgress: (fraction) => process.stderr.write(`\r${Math.floor(100 * fraction)} %`),
  });
  console.error(
    `\n${result.width}x${result.height}, ${result.durationSeconds.toFixed(2)} s, ${result.frames} frames`,
  );
} catch (error) {
  if (isUsageMistake(error)) console.error(`${error.message}\n\n${USAGE}`);
  else if (error instanceof PreviewError) console.error(`\n${error.code}: ${error.message}`);
  else throw error;
  process.exitCode = 1;
}
