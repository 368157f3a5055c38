import type { Aspect, CreateJobInput, EstimateWarning, Fit } from "@avatar/contract/types";
import { WARNING_CODES, type WarningCode } from "@avatar/contract/warnings";
import type { InputFindings } from "../engine/input-check.ts";
import type { ImageDimensions } from "../media/image-dimensions.ts";
import { isUrl } from "./job-files.ts";

interface Facts extends ImageDimensions {
  input: Pick<CreateJobInput, "image" | "audio"> & { aspect: Aspect; fit: Fit };
  audioSeconds: number;
  /** What was found in the files themselves; undefined where nobody had the time to look. */
  check: InputFindings | undefined;
  /** How long it may be in the queue. */
  waitSeconds?: number | undefined;
  queueTimeoutMs: number;
}

/** Videos have 720 pixels or more on the shorter side. */
const SMALL_SIDE_PIXELS = 512;
const LEAST_SHOWN_SHARE = 0.5;
const LEAST_AUDIBLE_SHARE = 0.2;

const RATIOS: Record<Exclude<Aspect, "auto">, number> = { "16:9": 16 / 9, "9:16": 9 / 16, "1:1": 1 };

/** What may go wrong with a job that would be taken. */
export function warningsOf(facts: Facts): EstimateWarning[] {
  const { input, width, height, audioSeconds, check, waitSeconds = 0, queueTimeoutMs } = facts;
  const warnings = (check?.faults ?? []).map(({ code, detail }) =>
    isWarning(code) ? { code, message: detail } : NOT_CHECKED,
  );
  const warn = (code: WarningCode, message: string) => warnings.push({ code, message });
  if (!check) warnings.push(NOT_CHECKED);
  else if (check.audibleSeconds < LEAST_AUDIBLE_SHARE * audioSeconds && !hasBadAudio(warnings))
    warn(
      "audio_quiet",
      `Of ${audioSeconds.toFixed(1)} s of the recording ${check.audibleSeconds.toFixed(1)} s are loud enough to be speech.`,
    );
  if (Math.min(width, height) < SMALL_SIDE_PIXELS)
    warn(
      "image_small",
      `The image has ${width} x ${height} pixels; it is scaled up, and the video looks soft.`,
    );
  const shown = shownShare(input.aspect, width / height);
  if (input.fit === "crop" && shown < LEAST_SHOWN_SHARE)
    warn(
      "crop_loses_most",
      `The video shows ${Math.floor(shown * 100)} % of the image at most; with "fit": "pad" it shows all.`,
    );
  for (const file of ["image", "audio"] as const)
    if (isUrl(input[file]))
      warn(
        "url_fetched_again",
        `The job fetches the URL of its ${file} again; what is there by then counts.`,
      );
  if (waitSeconds * 1000 > queueTimeoutMs)
    warn(
      "wait_too_long",
      `Jobs that have waited ${queueTimeoutMs / 1000} s fail with queue_timeout; this one may wait ${waitSeconds} s.`,
    );
  return warnings;
}

const NOT_CHECKED: EstimateWarning = {
  code: "not_checked",
  message: "The face and the sound were not looked for, as the server is busy.",
};

const isWarning = (code: string): code is WarningCode => (WARNING_CODES as readonly string[]).includes(code);
const hasBadAudio = (warnings: EstimateWarning[]) => warnings.some(({ code }) => code.startsWith("audio_"));

/** Of an image of this shape, in the video that is nearest to it where any will do. */
function shownShare(aspect: Aspect, ratio: number): number {
  const shares = (aspect === "auto" ? Object.values(RATIOS) : [RATIOS[aspect]]).map(
    (each) => Math.min(each, ratio) / Math.max(each, ratio),
  );
  return Math.max(...shares);
}
