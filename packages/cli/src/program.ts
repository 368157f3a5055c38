import type { Readable } from "node:stream";
import type { WriteStream } from "node:tty";
import { Avatar, AvatarError } from "@avatar/client";
import { parseCommand } from "./command.ts";
import { COMMANDS, findCommand } from "./commands.ts";
import { baseUrlOf, connect, type Env } from "./connect.ts";
import { createLiveDisplay, createPlainDisplay, type Display, SILENT } from "./display.ts";
import { errorJson, errorText } from "./error-report.ts";
import { CliError, EXIT, exitCodeOf } from "./exit-codes.ts";
import { stopped } from "./follow.ts";
import { commandHelp, programHelp } from "./help.ts";
import type { Stop } from "./stop.ts";
import { VERSION } from "./version.ts";

interface Surroundings {
  args: string[];
  env: Env;
  stdin: Readable;
  stdout: NodeJS.WritableStream;
  stderr: WriteStream;
  stop: Stop;
}

const BRIEF_RETRY = { attempts: 4, budgetMs: 15_000 };

/** @returns the exit code */
export async function runProgram({ args, env, stdin, stdout, stderr, stop }: Surroundings): Promise<number> {
  const say = (text: string) => void stdout.write(`${text}\n`);
  // Before the arguments are read, so that a mistake in them is told in the form that was asked for.
  const isJson = args.includes("--json");
  let baseUrl: string | undefined;
  let display = SILENT;
  try {
    const answer = answerTo(args);
    if (answer !== undefined) {
      say(answer);
      return EXIT.ok;
    }
    const { command, rest } = findCommand(args);
    const { values, operands } = parseCommand(command, rest);
    // They were read by the options of this very command.
    const run = command.prepare(values as never, operands);
    display = values.quiet ? SILENT : createDisplay(stderr, env, isJson);
    if (!command.isLocal) baseUrl = baseUrlOf(values["base-url"], env);
    const avatar =
      baseUrl === undefined
        ? new Avatar()
        : await connect(baseUrl, values["key-file"], { env, stdin, display, signal: stop.signal });
    const print = (result: unknown, text: string) => {
      display.end(); // The two may share a terminal.
      say(isJson ? JSON.stringify(result) : text);
    };
    const brief = { signal: stop.signal, retry: BRIEF_RETRY };
    await run({ avatar, stop, display, isJson, brief, print });
    return EXIT.ok;
  } catch (thrown) {
    const error = asCliError(thrown, stop);
    display.end();
    const isColored = stderr.hasColors?.() ?? false;
    stderr.write(`${isJson ? errorJson(error, baseUrl) : errorText(error, baseUrl, isColored)}\n`);
    return exitCodeOf(error);
  } finally {
    display.end();
  }
}

/** What can be said without an API. */
function answerTo(args: readonly string[]): string | undefined {
  const [first = "", ...rest] = args;
  if (first === "--version" || first === "-v") return VERSION;
  if (first === "--help" || first === "-h") return programHelp(COMMANDS);
  if (first === "help")
    return rest.length === 0 ? programHelp(COMMANDS) : commandHelp(findCommand(rest).command);
  if (!args.includes("--help") && !args.includes("-h")) return undefined;
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${first} `));
  const isGroup = group.length > 0 && (rest[0]?.startsWith("-") ?? true);
  return isGroup ? programHelp(group) : commandHelp(findCommand(args).command);
}

/** With `--json`, a log would be in the way of the JSON of an error. */
function createDisplay(stderr: WriteStream, env: Env, isJson: boolean): Display {
  if (stderr.isTTY && env.TERM !== "dumb") return createLiveDisplay(stderr, Date.now);
  return isJson ? SILENT : createPlainDisplay(stderr);
}

function asCliError(thrown: unknown, stop: Stop): AvatarError {
  if (AvatarError.is(thrown, "aborted") && stop.signal.aborted) return stopped({ stop }, ".", {});
  if (AvatarError.is(thrown)) return thrown;
  const detail = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
  return new CliError(EXIT.failure, {
    code: "unexpected",
    detail,
    hint: "This is a mistake of the program.",
  });
}
