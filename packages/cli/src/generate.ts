import type { Media, UploadProgress } from "@avatar/client";
import { file } from "@avatar/client/node";
import { defineCommand } from "./command.ts";
import { CliError, EXIT, usageError } from "./exit-codes.ts";
import { durationMs, oneOf, pairs, wholeNumber } from "./flags.ts";
import { orStopped } from "./follow.ts";
import { checkOutput } from "./output-file.ts";
import { progressOf, uploading } from "./progress.ts";
import { OUTPUT_OPTIONS, resumeCommand, saveVideo } from "./save-video.ts";
import { WAIT_OPTIONS } from "./wait-options.ts";

const ASPECTS = ["auto", "16:9", "9:16", "1:1"] as const;
const FITS = ["crop", "pad"] as const;
const CREATING = { label: "Creating the job" };
const LARGEST_SEED = 2 ** 32 - 1;

export const generate = defineCommand({
  name: "generate",
  summary: "make a video of a portrait and a recording",
  operands: ["<portrait>", "<recording>"],
  options: {
    ...OUTPUT_OPTIONS,
    aspect: {
      type: "string",
      value: ASPECTS.join("|"),
      help: "shape of the video; auto follows the portrait",
    },
    fit: {
      type: "string",
      value: FITS.join("|"),
      help: "crop the portrait around the face, or show all of it",
    },
    prompt: { type: "string", value: "<text>", help: "what the person does while speaking" },
    seed: {
      type: "string",
      value: "<number>",
      help: "the same files, settings and seed give the same video",
    },
    metadata: {
      type: "string",
      multiple: true,
      value: "<name=value>",
      help: "a label of yours, kept with the job; may be repeated",
    },
    ttl: {
      type: "string",
      value: "<time>",
      help: "keep the video on the server for less than usual, such as 1h",
    },
    "idempotency-key": {
      type: "string",
      value: "<text>",
      help: "runs with the same key, files and settings make one job",
    },
    detach: { type: "boolean", help: "do not wait: print the id of the job" },
    ...WAIT_OPTIONS,
  },
  notes: [
    "Each of the two is a file or an https URL, which the API fetches itself.",
    "Ctrl-C cancels the job and waits until that is confirmed; a second one quits at once.",
  ],
  prepare(values, [portrait = "", recording = ""]) {
    const { output: path, detach, force } = values;
    if (detach && path !== undefined)
      throw usageError("--detach saves no video.", "Leave out -o, or --detach.");
    if (!detach && !path) throw usageError("Where to? -o is missing.", "Pass -o video.mp4, or --detach.");
    const ttlMs = durationMs("--ttl", values.ttl);
    const input = {
      image: toMedia(portrait),
      audio: toMedia(recording),
      aspect: oneOf("--aspect", values.aspect, ASPECTS),
      fit: oneOf("--fit", values.fit, FITS),
      prompt: values.prompt,
      seed: wholeNumber("--seed", values.seed, [0, LARGEST_SEED]),
      metadata: pairs("--metadata", values.metadata),
      ttlSeconds: ttlMs === undefined ? undefined : Math.round(ttlMs / 1000),
    };
    const timeoutMs = durationMs("--timeout", values.timeout);

    return async (context) => {
      const { avatar, display, stop, print } = context;
      const output = path === undefined ? undefined : { path, force };
      if (output) await checkOutput(output.path, output.force);
      if (timeoutMs !== undefined) stop.after(timeoutMs, `${values.timeout}`);

      const files = createFileProgress(
        Object.values(input).filter((media) => typeof media === "function").length,
      );
      const wait = new AbortController();
      display.show(files.isSending() ? { label: "Uploading" } : CREATING);
      const generation = avatar.generate(input, {
        idempotencyKey: values["idempotency-key"],
        signal: wait.signal,
        onAbort: "leave",
        onUpdate: (job) => display.show(progressOf(job)),
        onUpload(progress) {
          files.add(progress);
          display.show(files.isSending() ? uploading(files.loaded(), files.total()) : CREATING);
        },
      });
      const following = {
        generation,
        wait,
        onStop: values["leave-running"] || detach ? ("leave" as const) : ("cancel" as const),
        isSending: files.isSending,
        resumeCommand: resumeCommand(path),
      };
      if (output) {
        const video = await orStopped(generation, following, context);
        return saveVideo(video, { generation, output }, context);
      }
      const jobId = await orStopped(generation.id, following, context);
      wait.abort();
      display.note(`The job goes on without us. Its video: ${following.resumeCommand(jobId)}`);
      print({ job: generation.job ?? { id: jobId } }, jobId);
    };
  },
});

/** On the command line a text is a file unless it is a URL. */
function toMedia(text: string): Media {
  if (/^https:\/\//i.test(text)) return text;
  if (!/^http:\/\//i.test(text)) return file(text);
  throw new CliError(EXIT.refused, {
    code: "url_not_allowed",
    detail: `${text} is not an https URL.`,
    hint: "Use an https URL, or download the file and name it.",
  });
}

function createFileProgress(count: number) {
  const inputs = new Map<string, UploadProgress>();
  const sum = (of: "loaded" | "total") => [...inputs.values()].reduce((total, input) => total + input[of], 0);
  return {
    add: (progress: UploadProgress) => void inputs.set(progress.input, progress),
    loaded: () => sum("loaded"),
    total: () => sum("total"),
    isSending: () => inputs.size < count || sum("loaded") < sum("total"),
  };
}
