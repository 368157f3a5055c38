import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { text } from "node:stream/consumers";

export type Command = readonly [file: string, ...args: string[]];

/** Time to fetch a runtime and to run on it, on a busy machine. */
const DEADLINE_MS = 180_000;

export type Program = ChildProcess & { stdout: Readable; stderr: Readable };

/** Runs a program for as long as it is used. With it ends what it has started itself, as npx does. */
export async function withProgram<T>(
  [file, ...args]: Command,
  cwd: string,
  use: (program: Program) => Promise<T>,
): Promise<T> {
  const program = spawn(file, args, { cwd, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  await once(program, "spawn");
  const end = () => {
    try {
      process.kill(-(program.pid as number), "SIGKILL");
    } catch {} // It has ended.
  };
  const timer = setTimeout(end, DEADLINE_MS);
  try {
    return await use(program);
  } finally {
    clearTimeout(timer);
    end();
  }
}

/** Runs a file to its end, which must be a good one. */
export async function runFile(command: Command, folder: string, name: string, source: string): Promise<void> {
  writeFileSync(join(folder, name), source);
  await withProgram([...command, name], folder, async (program) => {
    const output = Promise.all([text(program.stdout), text(program.stderr)]);
    const [code] = await once(program, "close");
    if (code !== 0) throw new Error(`It ended with ${code}:\n${(await output).join("\n")}`);
  });
}
