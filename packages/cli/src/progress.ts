import type { Job } from "@avatar/client";
import { bytes, seconds } from "./format.ts";

/** Where a video in the making is. */
export interface Progress {
  label: string;
  /** 0 to 1, where it is known. */
  fraction?: number;
  /** How long it still takes, as of now. */
  etaSeconds?: number | undefined;
}

export const uploading = (loaded: number, total: number): Progress => ({
  label: `Uploading ${bytes(loaded)} of ${bytes(total)}`,
  fraction: loaded / total,
});

export function progressOf(job: Job): Progress {
  switch (job.status) {
    case "queued": {
      const { position, etaSeconds } = job;
      const place = position === 1 ? ", next in line" : position ? `, number ${position} in line` : "";
      return { label: `Queued${place}`, etaSeconds };
    }
    case "starting":
      return {
        label: job.cold ? "Cold start: a worker is waking" : "Starting",
        etaSeconds: job.etaSeconds,
      };
    case "running":
      return { label: "Rendering", fraction: job.progress, etaSeconds: job.etaSeconds };
    default:
      return { label: `${job.status[0]?.toUpperCase()}${job.status.slice(1)}` };
  }
}

const bar = (fraction: number, width: number) => {
  const done = Math.round(Math.min(Math.max(fraction, 0), 1) * width);
  return "█".repeat(done) + "░".repeat(width - done);
};

const percent = (fraction: number) => `${Math.floor(fraction * 100)} %`;

const remaining = (etaSeconds: number | undefined) =>
  etaSeconds === undefined || etaSeconds < 1 ? "" : `about ${seconds(etaSeconds)} left`;

/** As much of it as fits into one line of a terminal. */
export function progressLine(progress: Progress, elapsedSeconds: number, columns: number): string {
  const { label, fraction, etaSeconds } = progress;
  const known = fraction === undefined ? "" : percent(fraction);
  const barOf = (width: number) => (fraction === undefined ? "" : bar(fraction, width));
  const left = remaining(etaSeconds);
  const elapsed = `(${seconds(elapsedSeconds)})`;
  const forms = [
    [label, barOf(24), known, left, elapsed],
    [label, barOf(10), known, left, elapsed],
    [label, known, left, elapsed],
    [label, known, left],
    [label, known],
    [known || label],
  ].map((parts) => parts.filter(Boolean).join("  "));
  // The last column stays empty: there, some terminals begin a new line.
  return (forms.find((form) => form.length < columns) ?? label).slice(0, Math.max(columns - 1, 0));
}

/** One line of a log. */
export function progressEntry({ label, fraction, etaSeconds }: Progress): string {
  return [label, fraction === undefined ? "" : percent(fraction), remaining(etaSeconds)]
    .filter(Boolean)
    .join(", ");
}
