import type { WriteStream } from "node:tty";
import { type Progress, progressEntry, progressLine } from "./progress.ts";

/** Tells on stderr how it goes. */
export interface Display {
  show(progress: Progress): void;
  /** A line that stays. */
  note(text: string): void;
  /** Takes away what is not to stay. */
  end(): void;
}

export const SILENT: Display = { show() {}, note() {}, end() {} };

const ERASE_LINE = "\r\x1b[K";
const REDRAW_MS = 1000;
const USUAL_COLUMNS = 80;

/** On a terminal, one line that is drawn again and again. */
export function createLiveDisplay(stderr: WriteStream, now: () => number): Display {
  let current: { progress: Progress; at: number } | undefined;
  let timer: NodeJS.Timeout | undefined;
  const startedAt = now();

  function draw() {
    if (!current) return;
    const { progress, at } = current;
    const { etaSeconds } = progress;
    const left = etaSeconds === undefined ? undefined : etaSeconds - (now() - at) / 1000;
    // Some terminals do not tell their width.
    const columns = stderr.columns || USUAL_COLUMNS;
    const line = progressLine({ ...progress, etaSeconds: left }, (now() - startedAt) / 1000, columns);
    stderr.write(ERASE_LINE + line);
  }

  function end() {
    clearInterval(timer);
    timer = undefined;
    if (current) stderr.write(ERASE_LINE);
    current = undefined;
  }

  return {
    show(progress) {
      current = { progress, at: now() };
      timer ??= setInterval(draw, REDRAW_MS).unref();
      draw();
    },
    note(text) {
      stderr.write(`${current ? ERASE_LINE : ""}${text}\n`);
      draw();
    },
    end,
  };
}

/** Into a file or a log, a line for each change, and for each tenth of the render. */
export function createPlainDisplay(stderr: NodeJS.WritableStream): Display {
  let last = "";
  const note = (text: string) => void stderr.write(`${text}\n`);
  return {
    note,
    show(progress) {
      const { label, fraction } = progress;
      const key = fraction === undefined ? label : `${label.split(" ")[0]} ${Math.floor(fraction * 10)}`;
      if (key !== last) note(progressEntry(progress));
      last = key;
    },
    end() {},
  };
}
