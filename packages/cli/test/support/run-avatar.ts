import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

const PROGRAM = fileURLToPath(new URL("../../dist/avatar.js", import.meta.url));
const IN_TERMINAL = fileURLToPath(new URL("run-in-terminal.py", import.meta.url));

export const media = (name: string) =>
  fileURLToPath(new URL(`../../../../examples/media/${name}`, import.meta.url));

export const PORTRAIT = media("portrait.png");
export const SPEECH = media("speech-3s.wav");

export interface RunOptions {
  env?: Record<string, string>;
  cwd?: string;
  /** The program `node`; default: the one that runs the tests. */
  node?: string;
  stdin?: string;
  /** In a terminal of this size; all that it shows is in `stdout`. */
  terminal?: { columns: number; rows: number };
}

export interface Ended {
  /** As a shell would report it. */
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** The built program as a process of its own. */
export function startAvatar(args: readonly string[], options: RunOptions = {}) {
  const { env = {}, cwd, node = process.execPath, stdin, terminal } = options;
  const command = [node, PROGRAM, ...args];
  const [program = "", ...rest] = terminal
    ? ["python3", IN_TERMINAL, String(terminal.columns), String(terminal.rows), ...command]
    : command;
  const child = spawn(program, rest, {
    cwd,
    env: { PATH: process.env.PATH, TERM: "xterm-256color", ...env },
  });
  const output = { stdout: "", stderr: "" };
  const listeners = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      output[name] += text;
      for (const listener of listeners) listener();
    });
  }
  if (stdin !== undefined) child.stdin.end(stdin);
  else if (!terminal) child.stdin.end();

  const ended = new Promise<Ended>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code, signal) => resolve({ code, signal, ...output }));
  });
  return {
    ended,
    output,
    child,
    kill: (signal: NodeJS.Signals) => void child.kill(signal),
    type: (text: string) => void child.stdin.write(text),
    /** Resolves once the program has said so on either stream; rejects if it ends before. */
    said(pattern: RegExp): Promise<void> {
      return new Promise((resolve, reject) => {
        const look = () => {
          if (!pattern.test(output.stdout + output.stderr)) return;
          listeners.delete(look);
          resolve();
        };
        listeners.add(look);
        look();
        ended.then((end) => reject(new Error(`it never said ${pattern}: ${JSON.stringify(end)}`)), reject);
      });
    },
  };
}

export const runAvatar = (args: readonly string[], options?: RunOptions): Promise<Ended> =>
  startAvatar(args, options).ended;
