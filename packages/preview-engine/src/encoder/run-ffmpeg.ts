import { spawn } from "node:child_process";
import { type AbortSources, abortedError, throwIfAborted } from "../abort.ts";

export interface FfmpegRun {
  readonly abort: AbortSources;
  /** The process is killed when it neither takes nor gives a byte for this long. */
  readonly stallTimeoutMs: number;
  readonly onOutput?: (chunk: Buffer) => void;
  /** Writes the process's standard input; `write` resolves when the process has taken the bytes. */
  readonly feed?: (write: (bytes: Uint8Array) => Promise<void>) => Promise<void>;
}

/** ffmpeg could not be started, stalled, or ended with an error; the message is the end of what it said. */
export class FfmpegError extends Error {
  override readonly name = "FfmpegError";
}

const WATCH_INTERVAL_MS = 100;
const KEPT_STDERR_CHARACTERS = 2000;

/**
 * Runs ffmpeg to its end. Whatever happens, the process is gone when this settles.
 *
 * @throws FfmpegError or PreviewError `aborted`.
 */
export async function runFfmpeg(binary: string, args: readonly string[], run: FfmpegRun): Promise<void> {
  throwIfAborted(run.abort);
  const child = spawn(binary, args, { stdio: ["pipe", "pipe", "pipe"], windowsHide: true });
  let lastProgressMs = performance.now();
  let stopReason: unknown;
  const stop = (reason: unknown) => {
    stopReason ??= reason;
    child.kill("SIGKILL");
    // Where it is a script, a child of its own may hold these open.
    child.stdout.destroy();
    child.stderr.destroy();
  };

  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr = (stderr + chunk).slice(-KEPT_STDERR_CHARACTERS);
  });
  child.stdout.on("data", (chunk) => {
    lastProgressMs = performance.now();
    try {
      run.onOutput?.(chunk);
    } catch (error) {
      stop(error);
    }
  });
  // A process that ends early breaks the pipe; its exit code and stderr say why.
  child.stdin.on("error", () => {});
  const closed = new Promise<number | null>((resolve) => {
    child.once("close", resolve);
    child.once("error", (error) => {
      stopReason ??= new FfmpegError(error.message, { cause: error });
      resolve(null);
    });
  });

  // The flag of another thread can only be polled; the same timer notices a stall.
  const watch = setInterval(() => {
    try {
      throwIfAborted(run.abort);
    } catch (error) {
      stop(error);
    }
    if (performance.now() - lastProgressMs > run.stallTimeoutMs) {
      stop(new FfmpegError(`ffmpeg stalled for ${run.stallTimeoutMs} ms`));
    }
  }, WATCH_INTERVAL_MS);
  const onAbort = () => stop(abortedError());
  run.abort.signal?.addEventListener("abort", onAbort, { once: true });

  const write = (bytes: Uint8Array) =>
    new Promise<void>((resolve, reject) => {
      child.stdin.write(bytes, (error) => {
        lastProgressMs = performance.now();
        if (error) reject(new BrokenPipe());
        else resolve();
      });
    });
  try {
    await run.feed?.(write);
  } catch (error) {
    if (!(error instanceof BrokenPipe)) stop(error);
  }
  child.stdin.end();
  const exitCode = await closed;
  clearInterval(watch);
  run.abort.signal?.removeEventListener("abort", onAbort);
  if (stopReason !== undefined) throw stopReason;
  if (exitCode !== 0) throw new FfmpegError(stderr.trim() || `ffmpeg ended with code ${exitCode}`);
}

class BrokenPipe extends Error {}
