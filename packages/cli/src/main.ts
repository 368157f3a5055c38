#!/usr/bin/env node
import { runProgram } from "./program.ts";
import { createStop } from "./stop.ts";

const { stdin, stdout, stderr } = process;

// Whoever read the output has had enough: `avatar jobs list | head -1`.
stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
// Progress that nobody sees must not end a job that is paid.
stderr.on("error", () => {});

const stop = createStop();
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.on(name, () => {
    if (stop.signal.aborted) process.exit(stop.exitCode);
    stop.because(name);
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
