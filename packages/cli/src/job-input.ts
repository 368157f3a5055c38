import type { GenerateInput, Media, UploadProgress } from "@avatar/client";
import { file } from "@avatar/client/node";
import type { Display } from "./display.ts";
import { CliError, EXIT } from "./exit-codes.ts";
import { durationMs, oneOf, pairs, wholeNumber } from "./flags.ts";
import { uploading } from "./progress.ts";

const ASPECTS = ["auto", "16:9", "9:16", "1:1"] as const;
const FITS = ["crop", "pad"] as const;
const LARGEST_SEED = 2 ** 32 - 1;

export const FILES_NOTE = "Each of the two is a file or an https URL, which the API fetches itself.";

/** Settings of a job. */
export const JOB_OPTIONS = {
  aspect: { type: "string", value: ASPECTS.join("|"), help: "shape of the video; auto follows the portrait" },
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
} as const;

interface JobValues {
  aspect?: string;
  fit?: string;
  prompt?: string;
  seed?: string;
  metadata?: string[];
  ttl?: string;
}

export function jobInput(values: JobValues, [portrait = "", recording = ""]: string[]): GenerateInput {
  const ttlMs = durationMs("--ttl", values.ttl);
  return {
    image: toMedia(portrait),
    audio: toMedia(recording),
    aspect: oneOf("--aspect", values.aspect, ASPECTS),
    fit: oneOf("--fit", values.fit, FITS),
    prompt: values.prompt,
    seed: wholeNumber("--seed", values.seed, [0, LARGEST_SEED]),
    metadata: pairs("--metadata", values.metadata),
    ttlSeconds: ttlMs === undefined ? undefined : Math.round(ttlMs / 1000),
  };
}

/** On the command line a text is a file unless it is a URL. */
export function toMedia(text: string): Media {
  if (/^https:\/\//i.test(text)) return text;
  if (!/^http:\/\//i.test(text)) return file(text);
  throw new CliError(EXIT.refused, {
    code: "url_not_allowed",
    detail: `${text} is not an https URL.`,
    hint: "Use an https URL, or download the file and name it.",
  });
}

/** Shows how the files of a job go up, and `next` once they are there. */
export function showUploads({ image, audio }: GenerateInput, display: Display, next: { label: string }) {
  const count = [image, audio].filter((media) => typeof media === "function").length;
  const inputs = new Map<string, UploadProgress>();
  const sum = (of: "loaded" | "total") => [...inputs.values()].reduce((all, input) => all + input[of], 0);
  const isSending = () => inputs.size < count || sum("loaded") < sum("total");
  display.show(isSending() ? { label: "Uploading" } : next);
  return {
    isSending,
    onUpload(progress: UploadProgress) {
      inputs.set(progress.input, progress);
      display.show(isSending() ? uploading(sum("loaded"), sum("total")) : next);
    },
  };
}
