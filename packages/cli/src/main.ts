#!/usr/bin/env node
import { runProgram } from "./program.ts";
import { createStop } from "./stop.ts";

const { stdin, stdout, stderr } = process;

// Whoever read the output has had enough: `avatar jobs list | head -1`.
stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
// Progress that nobody sees must not end a job that is paid.
stderr.on("error", () => {});

/** `npx` sends its child the Ctrl-C that the child got from the terminal, too: two signals, one press. */
const ONE_PRESS_MS = 250;

const stop = createStop();
let stoppedAt = Number.NEGATIVE_INFINITY;
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => {
    if (!stop.signal.aborted) {
      stoppedAt = performance.now();
      stop.because(name);
    } else if (performance.now() - stoppedAt > ONE_PRESS_MS) process.exit(stop.exitCode);
  });
}

process.exitCode = await runProgram({
  args: process.argv.slice(2),
  env: process.env,
  stdin,
  stdout,
  stderr,
  stop,
});
