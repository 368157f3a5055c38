import { MEDIA_TYPES, type MediaType } from "@avatar/contract/limits";
import type { Limits } from "@avatar/contract/types";
import { escapeHtml } from "./html-page.ts";

/** What this deployment takes, and how long it keeps it, for people. */
export const limitRows = ({
  image,
  audio,
  video,
  upload,
  wait,
  idempotency,
}: Limits): [what: string, limit: string][] => [
  [
    "Image",
    `${formats(image.contentTypes)}; at most ${mib(image.maxBytes)} and ${millions(image.maxPixels)} megapixels, at least ${image.minSidePixels} pixels on the shorter side`,
  ],
  [
    "Recording",
    `${formats(audio.contentTypes)}; at most ${mib(audio.maxBytes)}, from ${audio.minSeconds} to ${audio.maxSeconds} seconds`,
  ],
  [
    "Video",
    `deleted ${duration(video.maxTtlSeconds)} after it was made, or earlier if its job says so, after ${duration(video.minTtlSeconds)} at the earliest`,
  ],
  ["Uploads", `deleted after ${duration(upload.ttlSeconds)}, once no unfinished job needs them`],
  ["Waiting", `an answer is held for at most ${wait.maxSeconds} seconds`],
  [
    "Idempotency-Key",
    `means the same job for ${duration(idempotency.seconds)}; at most ${idempotency.maxKeyLength} characters`,
  ],
];

export const limitsHtml = (limits: Limits): string =>
  `<dl>\n${limitRows(limits)
    .map(([what, limit]) => `<dt>${what}</dt><dd>${escapeHtml(limit)}</dd>`)
    .join("\n")}\n</dl>
<p>How many requests and jobs a key may have, it tells itself: <a href="#currentKey">see the key that is in use</a>.</p>`;

const formats = (types: readonly string[]) =>
  [...new Set(types.map((type) => MEDIA_TYPES[type as MediaType].toUpperCase()))].join(", ");
const mib = (bytes: number) => `${round(bytes / 1024 / 1024)} MiB`;
const millions = (count: number) => round(count / 1_000_000);

function duration(seconds: number): string {
  if (seconds % 3600 === 0) return seconds === 3600 ? "an hour" : `${seconds / 3600} hours`;
  if (seconds % 60 === 0) return seconds === 60 ? "a minute" : `${seconds / 60} minutes`;
  return `${seconds} seconds`;
}

const round = (value: number) => Number(value.toPrecision(3));
