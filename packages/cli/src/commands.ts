import { checkFiles } from "./check-files.ts";
import type { Command } from "./command.ts";
import { estimate } from "./estimate.ts";
import { usageError } from "./exit-codes.ts";
import { generate } from "./generate.ts";
import { cancelJob, getJob, listJobs, watchJob } from "./jobs.ts";
import { checkKey } from "./keys.ts";
import { resume } from "./resume.ts";
import { suggestion } from "./suggestion.ts";
import { showUsage } from "./usage.ts";

export const COMMANDS: readonly Command[] = [
  generate,
  resume,
  checkFiles,
  estimate,
  listJobs,
  getJob,
  cancelJob,
  watchJob,
  checkKey,
  showUsage,
];

const ALL = "`avatar --help` lists all commands.";

/** @returns the command that the arguments begin with, and its own arguments */
export function findCommand(args: readonly string[]): { command: Command; rest: string[] } {
  for (const command of COMMANDS) {
    const words = command.name.split(" ");
    if (words.every((word, index) => args[index] === word))
      return { command, rest: args.slice(words.length) };
  }
  const [first = "", second = ""] = args;
  if (first === "") throw usageError("Which command?", ALL);
  if (first.startsWith("-")) throw usageError(`The command comes first, then ${first}.`, ALL);
  const group = COMMANDS.filter(({ name }) => name.startsWith(`${first} `)).map(({ name }) => name);
  if (group.length > 0 && (second === "" || second.startsWith("-")))
    throw usageError(`${first} is followed by another word.`, `There are: ${group.join(", ")}.`);
  const typed = group.length > 0 ? `${first} ${second}` : first;
  const names = COMMANDS.map(({ name }) => name);
  throw usageError(`There is no command ${typed}.`, suggestion(typed, [...names, "jobs", "keys"]) ?? ALL);
}
